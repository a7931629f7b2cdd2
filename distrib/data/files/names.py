"""Names of genes as spreadsheets and databases leave them: dates, powers of ten, versions."""

from __future__ import annotations

import re

# Months as Excel writes them in English, German, French and Spanish, without their full stop.
_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            "jan janv ene",
            "feb févr",
            "mar mrz mär mars märz",
            "apr avr abr",
            "may mai",
            "jun juin",
            "jul juil",
            "aug août ago",
            "sep sept set",
            "oct okt",
            "nov",
            "dec dez déc dic",
        ),
        start=1,
    )
    for month in names.split()
}
_DAY_MONTH = re.compile(r"(\d{1,2})(?:-|\. ?)([^\W\d]{3,4})\.?(?:-\d{2,4})?")
# Capital and two digits: `sep-1` and `jun-1` are genes of the worm.
_MONTH_DAY = re.compile(r"([A-Z][^\W\d]{2,3})-(\d{2})")
_ISO_DATE = re.compile(r"\d{4}-(\d{2})-(\d{2})(?:[ T]00:00:00)?")
_POWER = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,}")
_ENSEMBL = re.compile(r"(ENS[A-Z]*\d{11})\.\d+(_PAR_Y)?")


def spreadsheet_damage(name: str) -> str | None:
    """What a name probably was before a spreadsheet took it for a date or a number, or None.

    Ziemann, Eren and El-Osta 2016, "Gene name errors are widespread in the scientific literature".
    """
    if _POWER.fullmatch(name):
        return "an id of digits with one E, such as the RIKEN clone 2310009E13"
    month, day = 0, 0
    if match := _DAY_MONTH.fullmatch(name):
        month, day = _MONTHS.get(match[2].lower(), 0), int(match[1])
    elif match := _MONTH_DAY.fullmatch(name):
        month, day = _MONTHS.get(match[1].lower(), 0), int(match[2])
    elif match := _ISO_DATE.fullmatch(name):
        month, day = int(match[1]), int(match[2])
    if not 1 <= month <= 12:
        return None
    return {
        3: f"MARCH{day} (now MARCHF{day})" + (f" or MARC{day} (now MTARC{day})" if day < 3 else ""),
        9: f"SEPT{day} (now SEPTIN{day})",
        10: f"OCT{day}" + (" (now POU5F1)" if day == 4 else ""),
        12: f"DEC{day}" + (" (now DELEC1)" if day == 1 else ""),
    }.get(month, "a gene whose name reads like a date")


def without_version(name: str) -> str:
    """An Ensembl id without its version (`ENSG00000141510.17`); any other name as it is.

    The copy of a gene on the Y chromosome's pseudoautosomal region (`..._PAR_Y`) stays apart.
    """
    match = _ENSEMBL.fullmatch(name)
    return match[1] + (match[2] or "") if match else name
