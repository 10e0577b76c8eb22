"""The words of Spanish sentences. Names of fields and of languages have Spanish aliases in the tables of `mappings`."""

from __future__ import annotations

from collections.abc import Mapping

SPANISH: Mapping[str, str] = {
    "a": "un una",
    "accuracy": "exactitud",
    "after": "después despues",
    "all": "todos todas",
    "and": "y e",
    "before": "antes",
    "best": "mejor mejores",
    "between": "entre",
    "by": "por",
    "created": "creado creados creada creadas",
    "days": "día días dia dias",
    "for": "para",
    "in": "en",
    "last": "último últimos última últimas",
    "less": "menos",
    "license": "licencia licencias",
    "million": "millón millones",
    "models": "modelo modelos",
    "months": "mes meses",
    "more": "más mas",
    "of": "de del",
    "or": "o u",
    "parameters": "parámetros parámetro",
    "quantized": "cuantizado cuantizados",
    "since": "desde",
    "sorted": "ordenado ordenados",
    "than": "que",
    "the": "el la los las",
    "thousand": "mil",
    "trained": "entrenado entrenados entrenada entrenadas",
    "until": "hasta",
    "weeks": "semana semanas",
    "with": "con",
    "without": "sin",
    "years": "año años",
    "april": "abril",
    "august": "agosto",
    "autumn": "otoño",
    "december": "diciembre",
    "early": "principios",
    "february": "febrero",
    "five": "cinco",
    "half": "semestre mitad",
    "january": "enero",
    "july": "julio",
    "june": "junio",
    "late": "finales",
    "march": "marzo",
    "may": "mayo",
    "metrics": "métricas métrica",
    "november": "noviembre",
    "october": "octubre",
    "quarter": "trimestre",
    "second": "segundo segunda",
    "september": "septiembre setiembre",
    "spring": "primavera",
    "summer": "verano",
    "third": "tercer tercero",
    "first": "primer primero primera",
    "three": "tres",
    "two": "dos",
    "four": "cuatro",
    "size": "tamaño",
    "winter": "invierno",
    "yesterday": "ayer",
}
"""English words, and those of which each stands for one."""
SPANISH_PHRASES: Mapping[tuple[str, str], tuple[str, str]] = {
    **{("más", word): ("newest", "the") for word in ("reciente", "recientes", "nuevo", "nuevos")},
    **{("más", word): ("smallest", "the") for word in ("pequeño", "pequeños")},
    **{("más", word): ("largest", "the") for word in ("grande", "grandes")},
    ("al", "menos"): ("at", "least"),
    ("menos", "de"): ("less", "than"),
    ("más", "de"): ("more", "than"),
    ("por", "ciento"): ("percent", "of"),
    ("mil", "millones"): ("billion", "of"),
    **{
        (word, link): ("more", "than")
        for word in ("mayor", "mayores", "superior", "superiores")
        for link in ("que", "de", "a")
    },
    **{
        (word, link): ("less", "than")
        for word in ("menor", "menores", "inferior", "inferiores")
        for link in ("que", "de", "a")
    },
    ("último", "modelo"): ("newest", "models"),
    ("últimos", "modelos"): ("newest", "models"),
}
"""Two words that mean something else than each of them."""
SPANISH_OR_ENGLISH = frozenset(
    (
        "de",
        "del",
        "e",
        "el",
        "en",
        "la",
        "las",
        "los",
        "mas",
        "mes",
        "mil",
        "o",
        "para",
        "por",
        "que",
        "sin",
        "u",
        "un",
        "una",
        "y",
        "con",
        "entre",
        "dos",
        "tres",
    )
)
"""Spanish words that stand in names and in other languages, too: alone they make no Spanish sentence."""
