"""How Sphinx builds these pages: ``make docs``. Warnings are errors, and nothing is fetched from the network."""

from __future__ import annotations

import os
from pathlib import Path

# The parameters are read from the code, which imports Airflow; its home must not be yours.
os.environ["AIRFLOW_HOME"] = str(Path(__file__).parent.parent / ".airflow")

from airflow_provider_heap import __version__

project = "airflow-provider-heap"
author = copyright = "The founders of airflow-provider-heap"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
# Only what somebody types: not the output of a command.
copybutton_selector = "div:not(.highlight-default):not(.highlight-none) > div.highlight > pre"
exclude_patterns = ["conf.py"]

# Headings that a link may name, as GitHub names them.
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True

COLORED = ("color-brand-primary", "color-brand-content", "color-api-name", "color-api-pre-name")
html_theme = "furo"
html_title = f"airflow-provider-heap {release}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": dict.fromkeys(COLORED, "#5b45c9"),
    "dark_css_variables": dict.fromkeys(COLORED, "#ab9cff"),
}
