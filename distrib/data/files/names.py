"""Names of genes as spreadsheets and databases leave them: dates, powers of ten, versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

# Months as spreadsheets write them, without their full stop: in English, German, French,
# Spanish, Italian, Portuguese, Dutch, Polish, Czech, Swedish, Norwegian, Turkish and Russian.
_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            "jan janv ene gen sty led oca янв january januar janvier januari enero gennaio janeiro",
            "feb févr fevr fev lut úno şub фев february februar février febrero febbraio fevereiro",
            "mar mrz mär mars märz marz mrt bře мар март march mart marzo março maart marca",
            "apr avr abr kwi dub nis апр april avril abril aprile",
            "may mai mag mei maj kvě май мая mayo maggio maio",
            "jun juin giu cze čvn haz июн june juni junio giugno junho",
            "jul juil lug lip čvc tem июл july juli juillet julio luglio julho",
            "aug août aout ago sie srp ağu авг august agosto augustus augusti",
            "sep sept set wrz zář eyl сен сент september septembre septiembre settembre setembro",
            "oct okt ott out paź říj eki окт october oktober octobre octubre ottobre outubro",
            "nov lis kas ноя november novembre noviembre novembro",
            "dec dez déc dic dez gru pro ara des дек december dezember décembre diciembre dicembre "
            "dezembro desember",
        ),
        start=1,
    )
    for month in names.split()
}
# Letters after the day, with or without a year: 1-Mar, 01. Mrz, 1 mars, 01/mar, 1-mar.-20.
_DAY_MONTH = re.compile(r"(\d{1,2})(?:[-/ ]|\. ?)([^\W\d]{3,10})\.?(?:[-/ ]?(?:\d{4}|\d{2}))?")
# Capital and two digits: `sep-1` and `jun-1` are genes of the worm.
_MONTH_DAY = re.compile(r"([A-Z][^\W\d]{2,8})\.?[-/ ](\d{2})(?:,? \d{4})?")
# Before a space no gene ends in such a word: Mär 1, Sept. 2, March 1, 2021.
_MONTH_SPACE_DAY = re.compile(r"([^\W\d]{3,10})\.? (\d{1,2})(?:,? \d{4})?")
_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.0+)?)?)?"
_YEAR_FIRST = re.compile(r"\d{4}([-/.])(\d{1,2})\1(\d{1,2})\.?" + _TIME)
# 3/1/2020, 01.03.20, 1-3-2020, 1.3.: which is the day, the place decides.
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(?:\d{4}|\d{2})" + _TIME)
_NO_YEAR = re.compile(r"(\d{1,2})/(\d{1,2})|(\d{1,2})\.(\d{1,2})\.")
_EAST_ASIAN = re.compile(
    r"(?:\d{4}年)?(\d{1,2})月(\d{1,2})日|(?:\d{4}년 ?)?(\d{1,2})월 ?(\d{1,2})일"
)
_DAY_NUMBER = re.compile(r"[34]\d{4}(?:\.0)?")
_FIRST_DAY = date(1899, 12, 30)  # that spreadsheets count as 0
_GENES = {3: 11, 9: 15, 10: 11, 12: 2}
"""Month that genes were called after -> the greatest number of one."""
_POWER = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}")
_ENSEMBL = re.compile(r"(ENS[A-Z]*\d{11})\.\d+(_PAR_Y)?")


def mostly_words(names: Sequence[str]) -> bool:
    """Whether fewer than half of the names of a column are numbers."""
    return sum(not name.replace(".", "", 1).isdecimal() for name in names) > len(names) / 2


def spreadsheet_damage(name: str, among_words: bool = False) -> str | None:
    """What a name probably was before a spreadsheet took it for a date or a number, or None.

    Ziemann, Eren and El-Osta 2016, "Gene name errors are widespread in the scientific literature".

    Args:
        among_words: whether the other names of its column are. There, a number of days such as
            43891 is a date; among numbers it is one of them, such as an Entrez id.
    """
    if _POWER.fullmatch(name):
        return "an id of digits with one E, such as the RIKEN clone 2310009E13"
    if _DAY_NUMBER.fullmatch(name):
        return _of_day_number(name) if among_words else None
    dates = {(month, day) for month, day in _dates(name) if 1 <= month <= 12 and 1 <= day <= 31}
    if not dates:
        return None
    genes = [_gene(month, day) for month, day in sorted(dates) if day <= _GENES.get(month, 0)]
    if not genes:
        genes = [_gene(month, day) for month, day in sorted(dates) if month in _GENES]
    return " or ".join(genes) or "a gene whose name reads like a date"


def _dates(name: str) -> list[tuple[int, int]]:
    """(month, day) of every way to read a name as a date."""
    if match := _DAY_MONTH.fullmatch(name):
        return [(_MONTHS.get(match[2].lower(), 0), int(match[1]))]
    if match := _MONTH_DAY.fullmatch(name) or _MONTH_SPACE_DAY.fullmatch(name):
        return [(_MONTHS.get(match[1].lower(), 0), int(match[2]))]
    if match := _YEAR_FIRST.fullmatch(name):
        return [(int(match[2]), int(match[3]))]
    if match := _EAST_ASIAN.fullmatch(name):
        return [(int(match[1] or match[3]), int(match[2] or match[4]))]
    if match := _YEAR_LAST.fullmatch(name):
        one, other = int(match[1]), int(match[3])
    elif match := _NO_YEAR.fullmatch(name):
        one, other = int(match[1] or match[3]), int(match[2] or match[4])
    else:
        return []
    return [(one, other), (other, one)]


def _of_day_number(name: str) -> str | None:
    when = _FIRST_DAY + timedelta(days=int(float(name)))
    if when.day > _GENES.get(when.month, 0):
        return None
    return f"{_gene(when.month, when.day)}: the day number of {when.isoformat()}"


def _gene(month: int, day: int) -> str:
    return {
        3: f"MARCH{day} (now MARCHF{day})" + (f" or MARC{day} (now MTARC{day})" if day < 3 else ""),
        9: f"SEPT{day} (now SEPTIN{day})",
        10: f"OCT{day}" + (" (now POU5F1)" if day == 4 else ""),
        12: f"DEC{day}" + (" (now DELEC1)" if day == 1 else ""),
    }[month]


def without_version(name: str) -> str:
    """An Ensembl id without its version (`ENSG00000141510.17`); any other name as it is.

    The copy of a gene on the Y chromosome's pseudoautosomal region (`..._PAR_Y`) stays apart.
    """
    match = _ENSEMBL.fullmatch(name)
    return match[1] + (match[2] or "") if match else name
