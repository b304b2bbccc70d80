#!/bin/bash
# The first refresh() of a tile source of OpenLayers draws nothing anew; the second one does.
#
# Seen with ol 10.10.0 (bundled by esbuild 0.28.2) in Chromium 150 on 29 November 2026; needs node, npm, Chromium.
# A source whose loader paints tiles in the colour of the moment is drawn red. The colour becomes green and the
# source is refreshed: the loader is not asked and the map stays red. Refreshed once more, it is green. The
# renderer keeps the revision of the source that it drew last, and takes revision 0, that of a source which
# nothing has changed yet, for none: so it misses the step from 0 to 1. After one changed() before it is first
# drawn, the first refresh() works as the second. A guess would be that refresh() always asks the loader.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix "$folder" ol@10.10.0 esbuild@0.28.2 >/dev/null
cat > page.js <<'SCRIPT'
import ImageTileSource from 'ol/source/ImageTile.js';
import Map from 'ol/Map.js';
import TileLayer from 'ol/layer/Tile.js';
import View from 'ol/View.js';

async function seen(changedBefore) {
  const target = document.body.appendChild(document.createElement('div'));
  target.style.cssText = 'width: 64px; height: 64px';
  let colour = 'red';
  let asked = 0;
  const source = new ImageTileSource({
    transition: 0,
    loader: () => {
      asked += 1;
      const tile = document.createElement('canvas');
      tile.width = tile.height = 256;
      const context = tile.getContext('2d');
      context.fillStyle = colour;
      context.fillRect(0, 0, 256, 256);
      return tile;
    },
  });
  if (changedBefore) {
    source.changed();
  }
  const map = new Map({target, controls: [], layers: [new TileLayer({source})], view: new View({center: [0, 0], zoom: 2})});
  const drawn = async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      map.renderSync();
      await new Promise((done) => setTimeout(done, 50));
    }
    const [red, green] = target.querySelector('canvas').getContext('2d').getImageData(32, 32, 1, 1).data;
    return red > 200 ? 'red' : green > 100 ? 'green' : 'neither';
  };
  const colours = [await drawn()];
  colour = 'green';
  for (let number = 0; number < 2; number += 1) {
    const before = asked;
    source.refresh();
    colours.push(`${await drawn()} (${asked > before ? 'asked' : 'not asked'})`);
  }
  return colours.join(', ');
}

const plain = await seen(false);
const changed = await seen(true);
document.body.textContent = `as it is: ${plain}; changed before: ${changed}`;
document.title = 'done';
SCRIPT
node_modules/.bin/esbuild page.js --bundle --format=esm --log-level=error --outfile=bundle.js
{ echo '<!doctype html><body><script type="module">'; cat bundle.js; echo '</script></body>'; } > page.html
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
found=$("$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=20000 --dump-dom "file://$folder/page.html" \
    2>/dev/null | grep -o 'as it is: red[^<]*')
echo "$found"
test "$found" = "as it is: red, red (not asked), green (asked); changed before: red, green (asked), green (asked)"
