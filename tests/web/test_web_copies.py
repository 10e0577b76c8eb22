"""Models with the same weights are shown once, wherever the order puts them."""

from __future__ import annotations

import pytest
from fixtures.web import services_over

from catalog.settings import Settings
from webui.app import create_app

COPIES = {3: "twins", 5: "twins", 27: "twins", 22: "late", 24: "late"}


def rows():
    return [
        {
            "id": f"{number:064x}",
            "name": f"net-{number:02}",
            "path": f"shelf/net-{number:02}",
            "status": "ok",
            **({"duplicate_group": COPIES[number]} if number in COPIES else {}),
        }
        for number in range(30)
    ]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    return create_app(Settings(home=tmp_path_factory.mktemp("copies")), services_over(rows())).test_client()


@pytest.mark.parametrize("view", ["list", "table"])
def test_a_copy_on_a_later_page_is_folded_into_the_model_that_stands_for_it(client, view):
    first, second = (client.get(f"/?sort=name&view={view}&page={page}").text for page in (1, 2))
    assert ">net-03<" in first
    assert "2 copies" in first
    assert f'href="/models/{5:064x}"' not in first if view == "table" else "shelf/net-27" in first
    assert f'value="{27:064x}"' not in second
    assert "folded into these" in second
    assert f'href="/models/{3:064x}"' in second


def test_copies_of_one_page_are_folded_there_and_not_said_to_be_elsewhere(client):
    second = client.get("/?sort=name&page=2").text
    assert f'value="{22:064x}"' in second
    assert f'value="{24:064x}"' not in second
    elsewhere = second[second.index("folded into these") :].partition("</p>")[0]
    assert "net-22" not in elsewhere
    assert "2 copies folded" in second


def test_a_search_that_finds_one_of_the_copies_alone_shows_it(client):
    assert f'value="{27:064x}"' in client.get("/?q=name:net-27").text
