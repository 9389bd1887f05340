"""Reading and writing captions: words, inflection, clauses, grammar, substitutes."""
