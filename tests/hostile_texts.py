"""Titles made to break whatever shows them, and what no terminal may be sent."""

import re

TITLES = (
    "Lamp [/b] [bold]x",
    "Mug [pack of 2]",
    "a [link=http://evil]b[/link] \\",
    "c :pile_of_poo: d",
    "\x1b[2J\x1b]0;owned\x07 e",
    "f \x9b31m g \x85 h",
    "i \u202egnp.exe \u2066j\u2069",
    "k\x00l\x7fm",
    "n\r\no\x0bp\u2028q",
    "=cmd|'/c calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "'=3",
    "''@4",
    "<script>alert(1)</script>",
    "r ![s](http://evil/t.png) www.evil.com `u` *v* | w",
    "# x",
    "1. y",
    "z \ud800 {{ 7*7 }} %s {0}",
)
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
