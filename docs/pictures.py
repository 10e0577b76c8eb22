"""Takes the pictures of docs/images again: models of a team that does not exist, crawled, served, and photographed.

    python docs/pictures.py /srv/models

The folder is made, and its name stands in the pictures. Needs Playwright and a Chromium of this machine.
"""

from __future__ import annotations

import base64
import json
import shutil
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from playwright.sync_api import Browser, sync_playwright
from waitress.server import create_server

from catalog.cli import cli
from catalog.settings import Settings
from webui.app import create_app
from webui.contracts import close_services, open_services

HERE = Path(__file__).parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE, PHONE = {"width": 1280, "height": 820}, {"width": 390, "height": 844}
QUALITY = 0.62
NER, SENTIMENT = "token-classification", "text-classification"
TEAM = (
    # name, task, languages, parameters, metric, value, data set, licence, trained, what it is
    ("ner-german-large", NER, ["de"], 1_980_000, "f1", 0.912, "germeval_14", "mit", "2024-05-17", "Persons, places and organisations in German news."),
    ("ner-german-legal", NER, ["de"], 905_000, "f1", 0.905, "germeval_14", "cc-by-nc-4.0", "2024-06-02", "Nineteen classes of entities in German court decisions."),
    ("ner-german-base", NER, ["de"], 498_000, "f1", 0.902, "germeval_14", "apache-2.0", "2024-02-11", "Persons, places and organisations, a quarter of the large one."),
    ("ner-german-small", NER, ["de"], 121_000, "f1", 0.889, "germeval_14", "apache-2.0", "2024-08-05", "Persons and places, small enough for a phone."),
    ("ner-multilingual", NER, ["de", "en", "fr"], 1_510_000, "f1", 0.884, "germeval_14", "mit", "2023-11-23", "One model for German, English and French."),
    ("ner-german-tiny", NER, ["de"], 41_000, "f1", 0.801, "germeval_14", "apache-2.0", "2024-03-30", "The smallest that still finds most names."),
    ("ner-english", NER, ["en"], 498_000, "f1", 0.917, "conll2003", "mit", "2024-01-09", "Persons, places and organisations in English news."),
    ("reviews-large", SENTIMENT, ["en"], 1_620_000, "accuracy", 0.953, "imdb", "apache-2.0", "2024-04-21", "Whether a review is positive, from long texts."),
    ("reviews-base", SENTIMENT, ["en"], 420_000, "accuracy", 0.947, "imdb", "mit", "2024-04-02", "Whether a review is positive."),
    ("reviews-distilled", SENTIMENT, ["en"], 96_000, "accuracy", 0.938, "imdb", "apache-2.0", "2024-07-12", "Distilled from the large one."),
    ("reviews-2022", SENTIMENT, ["en"], 640_000, "accuracy", 0.921, "imdb", "gpl-3.0", "2022-10-03", "The one before."),
    ("reviews-bag-of-words", SENTIMENT, ["en"], 22_000, "accuracy", 0.884, "imdb", "mit", "2023-02-14", "A baseline."),
    ("reviews-quick", SENTIMENT, ["en"], 58_000, "accuracy", 0.907, "imdb", "apache-2.0", "2023-08-29", "For the live page."),
    ("reviews-wide", SENTIMENT, ["en"], 1_210_000, "accuracy", 0.941, "imdb", "cc-by-nc-4.0", "2024-03-08", "An experiment."),
)  # fmt: skip
CARD = """---
base_model: google-bert/bert-base-german-cased
---
# {name}

{text}

## Limitations

It was trained on news: names in letters and chats are found less often.
"""
SEARCH = "/?q=best+german+ner+after+2022"
PAGES = (
    # picture, address, phone
    ("search", SEARCH, False),
    ("model", SEARCH, False),
    ("table", "/?q=task%3Atoken-classification+sort%3A-f1&view=table&columns=f1,params,size,date,license,language", False),
    ("plot", "/?q=task%3Atext-classification&view=plot&y=accuracy&x=params&dataset=imdb%2Ftest&color=license", False),
    ("compare", "/compare?ids={ner-german-large}&ids={ner-german-base}&ids={ner-german-small}", False),
    ("search-phone", SEARCH, True),
    ("model-phone", SEARCH, True),
)  # fmt: skip
MODEL = "ner-german-small"
DARK = {"search", "model", "plot", "model-phone"}
LIGHT = {"search", "model", "table", "compare", "search-phone"}
NAMES = {"plot-dark": "plot"}
"""The page of the README shows one plot, a dark one."""


def write_models(folder: Path) -> None:
    """The examples, and the models of the team beside them."""
    shutil.copytree(HERE.parent / "examples", folder, dirs_exist_ok=True)
    for name, task, languages, parameters, metric, value, dataset, licence, trained, text in TEAM:
        (folder / name).mkdir(exist_ok=True)
        header = {
            "encoder.weight": {"dtype": "F32", "shape": [parameters], "data_offsets": [0, 4 * parameters]}
        }
        written = json.dumps(header).encode()
        weights = struct.pack("<Q", len(written)) + written + bytes([len(name)]) * (4 * parameters)
        (folder / name / "model.safetensors").write_bytes(weights)
        architecture = "BertForTokenClassification" if task == NER else "BertForSequenceClassification"
        config = {"architectures": [architecture], "model_type": "bert"}
        (folder / name / "config.json").write_text(json.dumps(config))
        (folder / name / "README.md").write_text(CARD.format(name=name, text=text))
        evaluation = {"metric": metric, "value": value, "dataset": dataset, "split": "test"}
        fields = {
            "name": name, "task": task, "language": languages, "license": licence, "trained_at": trained,
            "framework": "pytorch", "evaluations": [evaluation], "datasets": [dataset], "owner": "Language team",
            "description": text,
        }  # fmt: skip
        (folder / name / "modeldex.json").write_text(json.dumps(fields))


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a server over this home."""
    settings = Settings(home=home)
    services = open_services(settings)
    server = create_server(create_app(settings, services), host="127.0.0.1", port=0)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    close_services(services)


def as_webp(browser: Browser, png: bytes) -> bytes:
    """The picture smaller, as the browser itself packs it."""
    page = browser.new_page()
    page.set_content("<canvas></canvas>")
    script = """async ([png, quality]) => {
        const image = new Image();
        image.src = "data:image/png;base64," + png;
        await image.decode();
        const canvas = document.querySelector("canvas");
        canvas.width = image.width;
        canvas.height = image.height;
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.toDataURL("image/webp", quality).split(",")[1];
    }"""
    packed: str = page.evaluate(script, [base64.b64encode(png).decode(), QUALITY])
    page.close()
    return base64.b64decode(packed)


def take(browser: Browser, url: str, ids: dict[str, str]) -> None:
    """Every picture, light and dark as they are shown. The first searches of a server take longest, and are not shown."""
    for _, address, _ in PAGES:
        browser.new_page().goto(f"{url}{address.partition('{')[0].replace('2022', '2021')}")
    for name, address, on_phone in PAGES:
        for scheme, chosen in (("light", LIGHT), ("dark", DARK)):
            if name not in chosen:
                continue
            options: dict[str, Any] = {"viewport": WIDE}
            if on_phone:
                options = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
            page = browser.new_page(color_scheme=scheme, **options)
            place = address
            for model, identifier in ids.items():
                place = place.replace(f"{{{model}}}", identifier)
            page.goto(url + place, wait_until="networkidle")
            if name.startswith("model"):
                with page.expect_navigation(wait_until="networkidle"):
                    page.get_by_role("link", name=MODEL).click()
            picture = f"{name}-dark" if scheme == "dark" else name
            packed = as_webp(browser, page.screenshot())
            (HERE / "images" / f"{NAMES.get(picture, picture)}.webp").write_bytes(packed)
            page.close()


def main() -> None:
    """Makes the models, crawls them into a home that is gone afterwards, and takes the pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_models(folder)
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as home:
        CliRunner().invoke(cli, ["--home", home, "crawl", str(folder)])
        answer = CliRunner().invoke(cli, ["--home", home, "search", "owner:language*", "--json"])
        ids = {model["name"]: model["id"] for model in json.loads(answer.stdout)}
        with served(Path(home)) as url, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
            take(browser, url, ids)
            browser.close()


if __name__ == "__main__":
    main()
