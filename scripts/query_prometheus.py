#!/usr/bin/env python3
"""Lets a Prometheus read a paper run, and asks it every query of the Grafana board and the state of every rule.
Called by check_metrics.sh; nothing but the standard library.

usage: query_prometheus.py BOTMM FOLDER
"""

import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PATIENCE_S = 120
ROOT = Path(__file__).resolve().parent.parent
# What the board's variables stand for here.
VARIABLES = {"$instance": ".*", "$__rate_interval": "30s"}


class Sink(http.server.BaseHTTPRequestHandler):
    """A webhook that takes everything."""

    def do_POST(self):  # noqa: N802, the library's name
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def free_port():
    with http.server.HTTPServer(("127.0.0.1", 0), Sink) as server:
        return server.server_port


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        sys.exit(f"{url}: {refused}: {refused.read().decode()}")


def until(what, look):
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = look()
        except OSError as problem:
            found = None
            what_now = f"{what}: {problem}"
        else:
            what_now = what
        if found:
            return found
        if time.monotonic() > end:
            sys.exit(f"not within {PATIENCE_S} s: {what_now}")
        time.sleep(0.5)


def queries():
    """Of the board, by panel."""
    board = json.loads((ROOT / "deploy/grafana/botmm.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"]
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            yield panel["title"], text


def main():
    botmm, folder = sys.argv[1], Path(sys.argv[2])
    bot_port, port = free_port(), free_port()
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    (folder / "botmm.toml").write_text(f"[http]\nport = {bot_port}\n")
    (folder / "prometheus.yml").write_text(
        "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
        f"rule_files: [{json.dumps(str(ROOT / 'deploy/prometheus/alerts.yml'))}]\n"
        "scrape_configs:\n  - job_name: botmm\n"
        f"    static_configs: [{{ targets: ['127.0.0.1:{bot_port}'] }}]\n")
    subprocess.run(["promtool", "check", "config", folder / "prometheus.yml"], check=True)
    said = (folder / "bot_said").open("w")
    bot = subprocess.Popen([botmm, "paper", "--json", "--for", "300s"], cwd=folder, stdout=subprocess.DEVNULL,
                           stderr=said, env={"PATH": "/usr/bin:/bin",
                                             "BOTMM_WEBHOOK_URL": f"http://127.0.0.1:{sink.server_port}/"})
    prometheus_said = (folder / "prometheus_said").open("w")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"],
        cwd=folder, stdout=prometheus_said, stderr=prometheus_said)
    api = f"http://127.0.0.1:{port}/api/v1"

    def ask(query):
        answer = json.loads(get(f"{api}/query?{urllib.parse.urlencode({'query': query})}"))
        return answer["data"]["result"]

    def numbers(query):
        return [r["value"][1] for r in ask(query) if r["value"][1] != "NaN"]

    try:
        until("Prometheus reads the bot", lambda: numbers('up{job="botmm"} == 1'))
        count = 0
        for title, query in queries():
            found = until(f"{title}: {query} finds nothing", lambda query=query: numbers(query))
            count += 1
            print(f"{title}: {len(found)} series, first {found[0]}")
        def evaluated():
            groups = json.loads(get(f"{api}/rules"))["data"]["groups"]
            all_rules = [rule for group in groups for rule in group["rules"]]
            return all_rules if all(rule["health"] != "unknown" for rule in all_rules) else None

        rules = until("each rule was evaluated", evaluated)
        bad = [(r["name"], r.get("lastError")) for r in rules if r["health"] != "ok"]
        if bad:
            sys.exit(f"rules that fail: {bad}")
        firing = sorted(r["name"] for r in rules if r["state"] == "firing")
        print(f"{count} queries of the board find something; {len(rules)} rules are evaluated, firing: {firing}")
        # A paper run is nobody's emergency.
        critical = [r["name"] for r in rules if r["state"] == "firing" and r["labels"]["severity"] == "critical"]
        if critical:
            sys.exit(f"a paper run that is well would wake somebody: {critical}")
        (folder / "metrics").write_text(get(f"http://127.0.0.1:{bot_port}/metrics"))
    finally:
        for process in (prometheus, bot):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
