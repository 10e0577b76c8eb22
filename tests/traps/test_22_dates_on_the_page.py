"""A sentence, its qualifiers and its chips mean one thing, and the chips say which."""


def ids(page):
    return [row["id"] for row in page["results"]]


def test_a_sentence_and_its_qualifiers_find_the_same_models(web):
    sentence = web.get("/api/search?per_page=100&q=models+trained+after+2022+with+%3E50%25+accuracy").json
    qualifiers = web.get("/api/search?per_page=100&q=accuracy%3E0.5+after:2022").json
    assert sentence["total"] > 0
    assert ids(sentence) == ids(qualifiers)


def test_the_chip_of_a_period_says_where_it_begins(web):
    page = web.get("/api/search?q=after:2023").json
    assert "1 Jan 2024" in page["chips"][0]["explanation"]


def test_a_rewritten_sentence_can_be_taken_back(web):
    page = web.get("/?q=models+trained+after+2022").text
    assert "Search these words instead" in page


def test_a_date_says_which_date_it_is(web):
    rows = web.get("/api/search?per_page=100&q=sentiment+bert").json["results"]
    notes = [fact["note"] for row in rows for fact in row["facts"] if fact["label"] == "date"]
    assert notes
    assert set(notes) <= {"trained", "created"}
