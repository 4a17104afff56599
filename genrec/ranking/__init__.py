"""What joins the models: item scores and beams mixed, filters applied, cold items lifted, scores attributed."""
