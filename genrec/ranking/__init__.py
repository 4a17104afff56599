"""Ranking joins the models: item scores and beams mixed, filters applied, cold items raised, scores attributed."""
