# SPDX-License-Identifier: GPL-2.0
"""What uvicorn serves: GET is the file, POST answers with the body's sum."""

import hashlib
import os

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse

app = FastAPI()


@app.get("/")
async def get_file():
    return FileResponse(os.environ["CONTENT"])


@app.post("/", response_class=PlainTextResponse)
async def post_sum(request: Request):
    digest = hashlib.sha256()
    async for part in request.stream():
        digest.update(part)
    return digest.hexdigest()
