"""Reading and rewriting captions: inflection, tags, clauses, grammar, substitutes."""
