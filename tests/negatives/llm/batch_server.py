"""The files and batches endpoints, of our own: a batch ends when the test says so."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.negatives.llm.scripted import Script, ScriptedServer, good


class BatchServer(ScriptedServer):
    """Answers a batch's requests by the script, in reverse order; those that are no 200 go to the error file."""

    def __init__(self, script: Script = good) -> None:
        super().__init__(script)
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.breaks_after_creating = False
        route = self.application.router
        route.add_post("/v1/files", self._upload)
        route.add_get("/v1/files/{id}/content", self._download)
        route.add_post("/v1/batches", self._create)
        route.add_get("/v1/batches", self._list)
        route.add_get("/v1/batches/{id}", self._retrieve)

    def finish(self, status: str = "completed") -> None:
        for name, batch in self.batches.items():
            lines: list[str] = []
            errors: list[str] = []
            for number, line in enumerate(self.files[batch["input_file_id"]].splitlines()[::-1]):
                asked = json.loads(line)
                reply = self.script(asked["body"], number)
                response = {"status_code": reply.status, "body": json.loads(reply.body)}
                record = {"id": f"r{number}", "custom_id": asked["custom_id"], "response": response, "error": None}
                (lines if reply.status == 200 else errors).append(json.dumps(record))
            self.files[f"out-{name}"], self.files[f"err-{name}"] = "\n".join(lines), "\n".join(errors)
            batch |= {"status": status, "output_file_id": f"out-{name}", "error_file_id": f"err-{name}"}

    async def _upload(self, request: web.Request) -> web.Response:
        data = await request.post()
        assert data["purpose"] == "batch"
        upload = data["file"]
        assert isinstance(upload, web.FileField)
        name = f"file-{len(self.files)}"
        self.files[name] = upload.file.read().decode()
        record = {"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch"}
        return web.json_response(record | {"status": "processed"})

    async def _download(self, request: web.Request) -> web.Response:
        return web.Response(text=self.files[request.match_info["id"]], content_type="application/jsonl")

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        total = len(self.files[body["input_file_id"]].splitlines())
        batch = {
            "id": f"batch-{len(self.batches)}",
            "object": "batch",
            "status": "in_progress",
            "created_at": 1,
            **body,
        }
        batch["request_counts"] = {"total": total, "completed": 0, "failed": 0}
        self.batches[batch["id"]] = batch
        if self.breaks_after_creating:
            return web.Response(status=400, text="the line broke")
        return web.json_response(batch)

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})

    async def _retrieve(self, request: web.Request) -> web.Response:
        return web.json_response(self.batches[request.match_info["id"]])
