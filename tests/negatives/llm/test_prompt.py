from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compa.manifest import NEGATIVE_KINDS
from negatives.llm import response as answer
from negatives.llm.prompt import JUDGE, available, load
from negatives.llm.request import FORMATS, ChatRequest, ModelSettings, PromptItem, prompt_item
from negatives.llm.response import Texts, Verdicts, parse_response
from tests.negatives.llm.scripted import KEY, ScriptedServer, completion, items_of

SETTINGS = ModelSettings("m", max_answer_tokens=50)


def ask(*captions: str, name: str = "order", settings: ModelSettings = SETTINGS, seed: int = 0) -> list[PromptItem]:
    return [prompt_item(load(name), {"caption": caption}, 2, seed, settings) for caption in captions]


def test_every_kind_and_two_levels_have_a_prompt() -> None:
    assert set(available()) == {*NEGATIVE_KINDS, "paraphrase", "sub-scene"}
    with pytest.raises(ValueError, match="no prompt for 'reversal': there are absence"):
        load("reversal")


@pytest.mark.parametrize("name", [*available(), JUDGE])
def test_the_example_in_a_prompt_is_in_its_own_schema(name: str) -> None:
    prompt = load(name)
    message, example = (line.partition(": ")[2] for line in prompt.system.splitlines()[-2:])
    assert prompt.schema.model_validate_json(example)
    assert [item["id"] for item in json.loads(message)["items"]] == [a["id"] for a in json.loads(example)["answers"]]
    assert prompt.version.count(".") == 1


def test_the_judge_does_not_learn_what_it_judges() -> None:
    system = load(JUDGE).system.lower()
    assert not any(word in system for word in ("negative", "positive", "candidate", "generated", "made from", "swap"))


def test_a_request_is_what_chat_completions_parse_would_send(server: ScriptedServer) -> None:
    chat = ChatRequest(ask("a", "b", settings=ModelSettings("m", 0.5, 50)))
    server.script = lambda *_: pytest.fail("unused")
    for schema in (Texts, Verdicts):
        asked = ask("a") if schema is Texts else [prompt_item(load(JUDGE), {"statement": "a"}, 1, 0, SETTINGS)]
        own = ChatRequest(asked).body()
        sent = _sent_by_parse(server, schema, own)
        assert own["response_format"] == sent["response_format"]
        assert own == {"stream": False} | sent
    assert chat.body()["temperature"] == 0.5


def _sent_by_parse(server: ScriptedServer, schema: type, own: dict[str, object]) -> dict[str, object]:
    server.script = lambda *_: completion('{"answers": []}')
    with openai.OpenAI(api_key=KEY, base_url=server.url) as client:
        parse: Any = client.chat.completions.parse
        parse(**{name: own[name] for name in own if name != "stream"} | {"response_format": schema})
    return server.bodies[-1]


def test_dialects_get_plainer() -> None:
    bodies = [ChatRequest(ask("a")).body(number) for number in range(len(FORMATS))]
    assert "response_format" not in bodies[-1]
    assert bodies[-1]["max_tokens"] == 50
    assert all(body["messages"] == bodies[0]["messages"] for body in bodies)


@given(st.lists(st.text(), min_size=1, max_size=6, unique=True))
def test_any_text_stays_inside_its_string(captions: list[str]) -> None:
    captions = [caption.encode("utf-8", "replace").decode() for caption in captions]
    chat = ChatRequest(ask(*captions))
    assert [item["caption"] for item in items_of(chat.body())] == captions
    assert len(chat.messages) == 2
    assert "<" not in chat.messages[1]["content"]
    assert len(set(chat.ids)) == len(captions)
    assert chat.max_tokens_in >= sum(len(message["content"]) for message in chat.messages)


def test_the_key_covers_everything_but_the_other_items_of_a_request() -> None:
    [key] = {asked.key for asked in (ask("a")[0], ask("b", "a")[1])}
    others = [
        ask("b")[0],
        ask("a", name="relation")[0],
        ask("a", seed=1)[0],
        ask("a", settings=ModelSettings("other", max_answer_tokens=50))[0],
        ask("a", settings=ModelSettings("m", 0.0, 50))[0],
        ask("a", settings=ModelSettings("m", max_answer_tokens=51))[0],
        prompt_item(load("order"), {"caption": "a"}, 3, 0, SETTINGS),
    ]
    assert len({key, *(asked.key for asked in others)}) == 8


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_any_body_is_parsed_without_error(raw: bytes) -> None:
    parsed = parse_response(raw.decode("utf-8", "replace"), [1, 2], Texts, 2, 1)
    assert [result.reason for result in parsed.results] == [answer.NO_COMPLETION] * 2


@given(
    st.dictionaries(
        st.sampled_from(["choices", "usage", "message", "content", "finish_reason", "refusal"]),
        st.recursive(
            st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        ),
    )
)
def test_completions_of_any_shape_are_parsed_without_error(record: dict[str, object]) -> None:
    for body in (record, {"choices": [record]}, {"choices": [{"message": record}], "usage": record}):
        assert all(result.reason for result in parse_response(json.dumps(body), [1], Verdicts, 1, 1).results)
