"""Which suspect a finding is about, when mines grow, move, or get other ids."""

from __future__ import annotations

import numpy as np

from minecover.land_register.recognition import recognised
from minecover.land_register.states import State
from minecover.land_register.tables import Suspect

NORTH = 39.7
METRE = 1 / 111_195.0


def suspect(mine: int, parcel: str = "L", edge: int = 20) -> Suspect:
    """Give a square one, of pixels of 10 m."""
    return Suspect(
        key=f"beyond-{mine}-{parcel}", found=("beyond", 0, mine, 1), kind="beyond", mine=mine,
        parcel=parcel, since="2019", until="2021", now=True, hectares=1.0, fresh=0.0,
        confidence=0.9, box=(0, 0, edge - 1, edge - 1),
    )  # fmt: skip


def place(north: float, east: float = 0.0) -> tuple[float, float]:
    """Give longitude and latitude of metres from somewhere."""
    return 111.0 + east * METRE / np.cos(np.radians(NORTH)), NORTH + north * METRE


def states(**given: tuple[float, str]) -> dict[str, State]:
    return {
        name.replace("_", "-"): State(state, "", "beyond", "L", place(north))
        for name, (north, state) in given.items()
    }


def told(
    found: dict[str, State], *here: tuple[int, float]
) -> tuple[dict[str, str], dict[str, State]]:
    suspects = [suspect(mine) for mine, _ in here]
    places = np.array([place(north) for _, north in here]).reshape(-1, 2)
    known, lost = recognised(suspects, places, found, 10.0)
    return {one.key: one.state.state for one in known}, lost


def test_the_same_ground_has_its_finding_whatever_it_is_called() -> None:
    found = states(beyond_1_L=(0, "confirmed"), beyond_2_L=(300, "dismissed"))
    assert told(found, (1, 300), (2, 0))[0] == {
        "beyond-1-L": "dismissed", "beyond-2-L": "confirmed",
    }  # fmt: skip
    assert told(found, (3, 10), (1, 310))[0] == {
        "beyond-3-L": "confirmed", "beyond-1-L": "dismissed",
    }  # fmt: skip


def test_a_mine_that_digs_on_keeps_its_finding_by_its_name() -> None:
    found = states(beyond_1_L=(0, "confirmed"))
    assert told(found, (1, 600), (2, 100))[0] == {
        "beyond-1-L": "confirmed", "beyond-2-L": "to check",
    }  # fmt: skip


def test_a_name_far_away_is_that_of_another_mine() -> None:
    found = states(beyond_1_L=(0, "dismissed"), beyond_2_L=(0, "to check"))
    known, lost = told(found, (1, 5000))
    assert known == {"beyond-1-L": "to check"}
    assert list(lost) == ["beyond-1-L"]  # of what was not looked at nothing is lost


def test_ground_of_another_polygon_is_other_ground() -> None:
    found = states(beyond_1_L=(0, "dismissed"))
    known, lost = recognised([suspect(2, "M")], np.array([place(0)]), found, 10.0)
    assert known[0].state == State()
    assert list(lost) == ["beyond-1-L"]


def test_a_finding_without_a_place_goes_by_its_name() -> None:
    found = {"beyond-1-L": State("confirmed", "seen"), "beyond-5-L": State()}
    known, lost = told(found, (1, 0), (2, 0))
    assert known == {"beyond-1-L": "confirmed", "beyond-2-L": "to check"}
    assert lost == {}


def test_longitudes_meet_at_the_other_side_of_the_globe() -> None:
    found = {"beyond-9-L": State("confirmed", "", "beyond", "L", (-179.9999, 0.0))}
    known, _ = recognised([suspect(1)], np.array([(179.9999, 0.0)]), found, 10.0)
    assert known[0].state.state == "confirmed"
