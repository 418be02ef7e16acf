"""A model hub on 127.0.0.1 for tests, with ways to misbehave. usage: hub_server.py
Prints its port, then serves until stdin closes. GET /log gives the requests so far as JSON, GET /reset forgets them.
Repositories: good/model (private files' large ones redirect to another host name), private/model (token "secret"), dropping/model (closes
after a third of each large file), slow/model (stands still), wrong/hash, busy/model (503 twice), outside/model (a path
that leads out), html/model (no JSON), moved/model (its main is another commit at each look)."""
import hashlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = bytes((i * 7 + i // 251) % 256 for i in range(300_000))
FILES = {"config.json": b'{"model_type": "llama"}', "model.safetensors": LARGE, "tokenizer.json": b"{}", "empty.jinja": b"",
         "pytorch_model.bin": b"old", "onnx/model.onnx": b"onnx", "na me+#.safetensors": b"odd name"}
log, busy, looks = [], {}, 0


def entry(path, data):
    if path.endswith(".safetensors") and len(data) > 1000:
        return {"type": "file", "path": path, "oid": "f" * 40, "size": 134, "lfs": {
            "oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}}
    return {"type": "file", "path": path, "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(), "size": len(data)}


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        global looks
        path = self.path
        if path == "/log":
            return self.answer(200, json.dumps(log).encode())
        if path == "/reset":
            log.clear()
            return self.answer(200, b"")
        log.append({"path": path, "host": self.headers["Host"].split(":")[0], "range": self.headers.get("Range"),
                    "token": self.headers.get("Authorization")})
        parts = path.split("?")[0].strip("/").split("/")
        if parts[0] == "cdn":
            return self.send_file("good/model", "/".join(parts[1:]))
        repo = "/".join(parts[2:4] if parts[:2] == ["api", "models"] else parts[:2])
        if repo == "private/model" and self.headers.get("Authorization") != "Bearer secret":
            return self.answer(401, b"", X_Error_Code="RepoNotFound")
        if repo == "busy/model" and busy.setdefault(path, 0) < 2:
            busy[path] += 1
            return self.answer(503, b"busy")
        if repo == "absent/model":
            return self.answer(404, b"", X_Error_Code="RepoNotFound")
        if parts[:2] == ["api", "models"]:
            return self.api(repo, parts[4], "/".join(parts[5:]), path)
        self.resolve(repo, "/".join(parts[4:]))

    def api(self, repo, call, rest, path):
        global looks
        if repo == "html/model":
            return self.answer(200, b"<html>")
        if call == "revision":
            if rest not in ("main", "v1", COMMIT):
                return self.answer(404, b"", X_Error_Code="RevisionNotFound")
            looks += 1
            sha = "%040x" % looks if repo == "moved/model" else COMMIT
            return self.answer(200, json.dumps({"sha": sha}).encode())
        entries = [{"type": "directory", "path": "onnx", "oid": "a" * 40, "size": 0}] + [entry(p, d) for p, d in FILES.items()]
        if repo == "outside/model":
            entries[1]["path"] = "../../stolen.json"
        if "cursor" in path:  # the second page
            return self.answer(200, json.dumps(entries[3:]).encode())
        link = f'<http://{self.headers["Host"]}{path}&cursor=2>; rel="next"'
        self.answer(200, json.dumps(entries[:3]).encode(), Link=link)

    def resolve(self, repo, path):
        from urllib.parse import unquote
        path = unquote(path)
        if repo == "good/model" and path == "model.safetensors":
            port = self.server.server_address[1]
            return self.answer(302, b"moved", Location=f"http://localhost:{port}/cdn/{path}")
        self.send_file(repo, path)

    def send_file(self, repo, path):
        data = FILES[path]
        begin = 0
        if self.headers.get("Range"):
            begin = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
        body = data[begin:]
        if repo == "wrong/hash" and path == "model.safetensors":
            body = body[:-1] + b"?"
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if repo == "dropping/model" and len(data) > 1000:
            self.wfile.write(body[: len(data) // 3])
            self.wfile.flush()
            self.close_connection = True
            return
        if repo == "slow/model" and len(data) > 1000:
            self.wfile.write(body[:1000])
            self.wfile.flush()
            time.sleep(8)
            self.close_connection = True
            return
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
