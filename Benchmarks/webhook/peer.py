"""The same promise with FastAPI: a call is answered 202 once it is on disk.

One process commits each call by itself, on the event loop, which is quicker here than a thread for each call.
"""
import os
import sqlite3
import uuid

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

database = sqlite3.connect(os.environ["JOURNAL"], isolation_level=None, check_same_thread=False)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.execute("CREATE TABLE calls (id TEXT NOT NULL PRIMARY KEY, number TEXT, body BLOB)")

app = FastAPI()


@app.post("/calls")
async def accept(request: Request):
    body = await request.body()
    number = (await request.json())["number"]
    call = str(uuid.uuid4())
    database.execute("INSERT INTO calls VALUES (?, ?, ?)", (call, number, body))
    return JSONResponse({"run": call, "status": "accepted"}, status_code=202)
