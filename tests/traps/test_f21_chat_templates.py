"""Chat templates: an attack is flagged, prose that looks like one is not."""

import json

import pytest

from crawler.extractors.hf_tokenizer import HfTokenizerExtractor
from crawler.formats.templates import suspicious
from crawler.reader import bytes_reader

HARMLESS = [
    "You handle scenarios. Never import os. or subprocess. and do not call __class__ things.",
    "{% if 'os.' in messages[0]['content'] %}{{ messages[0]['content'] }}{% endif %}",
    "{%- set ns = namespace(found=false) %}{%- set ns.found = true %}{{ raise_exception('no __init__ here') }}",
    "{{ messages | map(attribute='content') | join }}",
    "{# lipsum.__globals__ in a comment #}",
    "{{ scenarios.first }} {{ macros.os }}",
    "{{ tool.function | tojson }} {{ strftime_now('%d %b %Y') }}",
    "{{ '{{ x.__class__ }}' }}",
]
ATTACKS = [
    """{{ ''|attr("__class__") }}""",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{% set x = lipsum.__globals__ %}",
    "{{ x['__cla' ~ 'ss__'] }}",
    "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{% for c in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os') }}",
    "{{ 'a' }}{{ x.__globals__",
    "{{ [x]|map(attribute='__class__')|list }}",
]


@pytest.mark.parametrize("template", HARMLESS)
def test_harmless_template_is_not_flagged(template):
    assert suspicious(template) == []


@pytest.mark.parametrize("template", ATTACKS)
def test_attack_is_flagged(template):
    assert suspicious(template)


def risks(name, data):
    return [risk.kind for risk in HfTokenizerExtractor().extract(bytes_reader(name, data)).risks]


def test_template_is_found_wherever_a_tokenizer_keeps_it():
    attack = ATTACKS[1]
    assert risks("chat_template.jinja", attack.encode()) == ["template-injection"]
    assert risks("tokenizer_config.json", json.dumps({"chat_template": attack}).encode()) == [
        "template-injection"
    ]
    named = {
        "chat_template": [{"name": "default", "template": "{{ x }}"}, {"name": "tools", "template": attack}]
    }
    assert risks("tokenizer_config.json", json.dumps(named).encode()) == ["template-injection"]


def test_megabytes_of_braces_are_searched_in_one_pass():
    assert suspicious("{{" * 400_000) == []
    assert suspicious('{{ "' + "\\" * 900_000) == []
