"""The demo's result and how it is shown: one page, one picture."""
