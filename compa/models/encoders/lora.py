"""LoRA with peft: small trained matrices beside the frozen ones of a pretrained model."""

from __future__ import annotations

from typing import Any

from torch import nn

from compa.models.checkpoints.hub import need


def add_lora(model: nn.Module, settings: dict[str, Any]) -> None:
    """Freezes a model's weights and puts small matrices beside some of them, in place.

    Args:
        model: The module.
        settings: Of `peft.LoraConfig`, such as {r: 8, lora_alpha: 16, target_modules: [query, value]}.

    Raises:
        ValueError: If peft is missing, or the settings match no layer of the model.
    """
    peft = need("peft", "pip install 'compa[lora]'")
    try:
        peft.inject_adapter_in_model(peft.LoraConfig(**settings), model)
    except (TypeError, ValueError) as error:
        layers = sorted(
            {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
        )
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"lora {settings} does not fit ({reason}): the model has the layers {', '.join(layers)}"
        ) from None
    for name, weight in model.named_parameters():
        weight.requires_grad_("lora_" in name)
