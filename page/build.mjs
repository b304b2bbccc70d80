// Bundle the pages into the package: a script of each, their style sheets, and the licences of what is in them.
import {build} from 'esbuild';
import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import path from 'node:path';

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.resolve(here, '../pipeline/minecover/products/bundle');

// COGs of minecover are compressed by deflate: no other decoder, and no worker, is bundled
const unused = /\/(lerc|zstd|jpeg|lzw|webimage|packbits)\.js$|^web-worker$|worker\/create\.js$/;
const leaveOut = {
  name: 'leave-out',
  setup({onResolve, onLoad}) {
    onResolve({filter: unused}, ({path: name}) => ({path: name, namespace: 'left-out'}));
    onLoad({filter: /.*/, namespace: 'left-out'}, () => ({contents: 'export default null;'}));
  },
};

const result = await build({
  absWorkingDir: here,
  entryPoints: ['src/page.js', 'src/label.js'],
  outdir: target,
  bundle: true,
  format: 'iife',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  metafile: true,
  plugins: [leaveOut],
});

const packages = new Set(
  Object.values(result.metafile.outputs)
    .flatMap(({inputs}) => Object.entries(inputs))
    .filter(([, input]) => input.bytesInOutput > 0)
    .map(([file]) => file.match(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)/))
    .filter(Boolean)
    .map(([folder]) => folder),
);

async function licence(folder) {
  const about = JSON.parse(await readFile(path.join(here, folder, 'package.json'), 'utf8'));
  const files = await readdir(path.join(here, folder));
  const file = files.find((name) => /^licen[cs]e/i.test(name));
  if (!file) {
    throw new Error(`${folder}: no licence file; its licence must be written here by hand`);
  }
  const text = await readFile(path.join(here, folder, file), 'utf8');
  return `${about.name} ${about.version} (${about.license})\n\n${text.trim()}\n`;
}

await mkdir(target, {recursive: true});
const texts = await Promise.all([...packages].sort().map(licence));
const head = 'page.js and label.js hold code of minecover (Apache-2.0) and of these packages:\n';
await writeFile(path.join(target, 'LICENSES.txt'), [head, ...texts].join('\n' + '-'.repeat(80) + '\n\n'));

// how each page begins is written once: above all, what it may load
const fixed = path.join(here, 'static');
const beginning = await readFile(path.join(fixed, 'head.html'), 'utf8');
for (const name of (await readdir(fixed)).filter((file) => file !== 'head.html')) {
  const text = await readFile(path.join(fixed, name), 'utf8');
  await writeFile(path.join(target, name), text.replace('<!-- head.html -->\n', () => beginning));
}
