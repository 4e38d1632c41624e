"""The table of countries: name, capital and continent of the 193 member states of the United Nations.

Made from the PyPI package `countryinfo` (MIT licence). Names are folded to ASCII, because that is how people
type them, and what the package has out of date is corrected here.
"""

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parents[2] / "facts" / "countries.json"

NOT_MEMBERS = {
    "Curacao", "American Samoa", "Anguilla", "Antarctica", "Aruba", "Bermuda", "Bonaire, Sint Eustatius and Saba",
    "Bouvet Island", "British Indian Ocean Territory", "Cayman Islands", "Christmas Island",
    "Cocos (Keeling) Islands", "Cook Islands", "Falkland Islands", "Faroe Islands", "French Guiana",
    "French Polynesia", "French Southern and Antarctic Lands", "Gibraltar", "Greenland", "Guadeloupe", "Guam",
    "Guernsey", "Heard Island and McDonald Islands", "Vatican City State", "Holy See (Vatican City State)",
    "Hong Kong", "Jersey", "Macau", "Isle of Man", "Martinique", "Mayotte", "Montserrat", "Antilles neerlandaises",
    "New Caledonia", "Niue", "Norfolk Island", "Northern Mariana Islands", "Palestine", "Palestine, State of",
    "Pitcairn Islands", "Puerto Rico", "Reunion", "Saint Barthelemy", "Saint Helena",
    "Saint Martin (French part)", "Saint Pierre and Miquelon", "Serbia and Montenegro",
    "Sint Maarten (Dutch part)", "South Georgia", "Svalbard and Jan Mayen", "Taiwan", "Tokelau",
    "Turks and Caicos Islands", "United States Minor Outlying Islands", "Virgin Islands, British",
    "Virgin Islands, U.S.", "Wallis and Futuna", "Western Sahara", "Aland Islands",
}  # fmt: skip
RENAMED = {
    "The Bahamas": "Bahamas", "The Gambia": "Gambia", "Republic of Macedonia": "North Macedonia",
    "Federated States of Micronesia": "Micronesia", "Swaziland": "Eswatini",
}  # fmt: skip
CAPITALS = {
    "Kazakhstan": "Astana", "Eswatini": "Mbabane", "San Marino": "San Marino", "Burundi": "Gitega",
    "United States": "Washington, D.C.", "Sri Lanka": "Sri Jayawardenepura Kotte",
    "Grenada": "Saint George's", "Nauru": "Yaren",
}  # fmt: skip
WITH_ARTICLE = {
    "Bahamas", "Gambia", "Netherlands", "Philippines", "Maldives", "United States", "United Kingdom",
    "United Arab Emirates", "Czech Republic", "Central African Republic", "Democratic Republic of the Congo",
    "Republic of the Congo", "Dominican Republic", "Comoros", "Seychelles", "Solomon Islands", "Marshall Islands",
}  # fmt: skip
SOUTH_AMERICA = {
    "Argentina", "Bolivia", "Brazil", "Chile", "Colombia", "Ecuador", "Guyana", "Paraguay", "Peru", "Suriname",
    "Uruguay", "Venezuela",
}  # fmt: skip


@dataclass(frozen=True)
class Country:
    name: str
    capital: str
    continent: str

    @property
    def of(self) -> str:
        """The name as it stands in a sentence: "France", "the Netherlands"."""
        return f"the {self.name}" if self.name in WITH_ARTICLE else self.name


def ascii_fold(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def write_table() -> int:
    """Writes facts/countries.json from the installed package; returns the number of countries."""
    import countryinfo

    rows = {}
    for path in sorted((Path(countryinfo.__file__).parent / "data").glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        name = ascii_fold(data["name"])
        if name in NOT_MEMBERS:
            continue
        name = RENAMED.get(name, name)
        continent = data["region"]
        if continent == "Americas":
            continent = "South America" if name in SOUTH_AMERICA else "North America"
        rows[name] = {"capital": CAPITALS.get(name) or ascii_fold(data["capital"]), "continent": continent}
    if len(rows) != 193:
        raise SystemExit(f"expected 193 countries, the package gives {len(rows)}")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(json.dumps(dict(sorted(rows.items())), indent=2) + "\n", encoding="utf-8")
    return len(rows)


@cache
def countries() -> tuple[Country, ...]:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(Country(name, row["capital"], row["continent"]) for name, row in table.items())
