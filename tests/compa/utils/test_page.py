from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from compa.utils.page import fill


def test_texts_are_escaped_and_names_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "part.html").write_text("<b>{{ text }}</b>", encoding="utf-8")
    (tmp_path / "page.html").write_text("{% include 'part.html' %}", encoding="utf-8")
    assert fill(tmp_path / "page.html", text="<i>&") == "<b>&lt;i&gt;&amp;</b>"
    with pytest.raises(jinja2.UndefinedError, match="text"):
        fill(tmp_path / "page.html", txt="")
