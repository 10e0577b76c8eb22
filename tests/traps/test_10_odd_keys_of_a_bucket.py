"""Keys that no file system has are catalogued once, each under an address of its own."""

from urllib.parse import unquote

ODD = (
    "a//b.safetensors",
    "../x.safetensors",
    "./y.safetensors",
    "a/../z.safetensors",
    "with space+plus%20percent#hash?query&.safetensors",
    "quotes'\"`.safetensors",
    "emoji-\N{ROBOT FACE}.safetensors",
    "nfc-\N{LATIN SMALL LETTER E WITH ACUTE}.safetensors",
    "nfd-e\N{COMBINING ACUTE ACCENT}.safetensors",
    "/leading.safetensors",
    f"{'d' * 200}/{'k' * 800}.safetensors",
)


def test_odd_keys_are_models_once_each_with_their_own_address(bucket_shop, bucket):
    for number, key in enumerate(ODD):
        bucket.model(key, values=number + 1)
    bucket.put("folder/", b"")
    report = bucket_shop.crawl()
    assert (report.unread, report.problems) == ((), ())
    documents = bucket_shop.documents()
    addresses = {document["uri"] for document in documents.values()}
    assert {unquote(address) for address in addresses} == {f"{bucket.address}/{key}" for key in ODD}
    assert len(documents) == len(ODD)
    again = bucket_shop.crawl()
    assert (again.counts["unchanged"], again.counts["opened"]) == (len(ODD), 0)
