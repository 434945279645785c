# SPDX-License-Identifier: GPL-2.0
"""What gunicorn serves: GET is the file, POST answers with the body's sum."""

import hashlib
import os


def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        answer = [body_sum(environ["wsgi.input"])]
        length = len(answer[0])
    else:
        path = os.environ["CONTENT"]
        # gunicorn gives it to sendfile(2).
        answer = environ["wsgi.file_wrapper"](open(path, "rb"))
        length = os.path.getsize(path)
    start_response("200 OK", [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(length)),
    ])
    return answer


def body_sum(body):
    digest = hashlib.sha256()
    while part := body.read(65536):
        digest.update(part)
    return digest.hexdigest().encode()
