"""What a candidate must pass: consistency with its caption, text leak, balance, a model's opinion."""
