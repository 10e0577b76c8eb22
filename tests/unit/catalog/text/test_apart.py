"""Two models of one name in a list are told apart by the first thing that differs for all of them."""

import pytest

from catalog.text.apart import apart


def model(name, **values):
    return {"name": name, "id": values.get("path", name), **values}


def weights(key):
    return [{"key": "e/README.md", "role": "card"}, {"key": key, "role": "weights"}]


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ([model("a"), model("b")], ["", ""]),
        ([model("churn", version="v3"), model("Churn", version="v4"), model("x", version="1")], ["v3", "v4", ""]),
        ([model("q", precision="Q4_0"), model("q", precision="Q8_0")], ["Q4_0", "Q8_0"]),
        ([model("q", version="1", owner="a"), model("q", version="1", owner="b")], ["a", "b"]),
        ([model("train", path="a/runs/train/best.pt"), model("train", path="b/runs/train/best.pt")],
         ["a/runs/train/best.pt", "b/runs/train/best.pt"]),
        ([model("ink", path="k/ink-000004"), model("ink", path="k/ink", version="9")], ["ink-000004", "ink"]),
        ([model("q", path="e", files=weights("e/q-a.gguf")), model("q", path="e", files=weights("e/q-b.gguf"))],
         ["q-a.gguf", "q-b.gguf"]),
        ([{"id": "1" * 64, "name": "q"}, {"id": "2" * 64, "name": "q"}], ["1" * 10, "2" * 10]),
    ],
    ids=["other names", "versions", "precisions", "owners", "paths", "ends of paths", "files", "ids"],
)  # fmt: skip
def test_models_of_one_name_are_told_apart_by_what_differs(documents, words):
    assert apart(documents) == words
