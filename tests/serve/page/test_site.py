"""The page's files: served whole, revalidated, and free of other hosts and of markup that scripts write."""

import re

import pytest

FILES = ("index.html", "style.css", "icon.svg", "app.js", "api.js", "cards.js", "memory.js", "panel.js", "view.js")
SCRIPTS = [name for name in FILES if name.endswith(".js")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_sent_once_and_then_only_asked_for(server, name):
    first = server.http.get(f"/page/{name}")
    assert first.status_code == 200
    again = server.http.get(f"/page/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    stale = server.http.get(f"/page/{name}", headers={"If-None-Match": '"other"'})
    assert stale.content == first.content


def test_the_page_names_no_other_host_and_allows_none(server):
    start = server.http.get("/")
    policy = dict(part.strip().split(" ", 1) for part in start.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    for name in FILES:
        named = set(re.findall(r"https?://[\w.-]+", server.http.get(f"/page/{name}").text))
        assert named <= {"http://www.w3.org"}, name  # the name of SVG, which nothing fetches


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_can_write_markup(server, name):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", server.http.get(f"/page/{name}").text
    )


def test_other_files_are_not_served(server):
    for path in ("/page/site.py", "/page/..%2fsite.py", "/page/nothing.js"):
        assert server.http.get(path).status_code == 404
