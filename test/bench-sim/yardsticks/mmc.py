"""The yardstick SimPy: an M/M/c queue, first come first served, as its documentation would write it.

usage: mmc.py SERVERS RHO REQUESTS SEED; prints the processor time in seconds and the mean wait.
"""
import random
import sys
import time

import simpy

servers, rho, requests, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
waits = 0.0


def request(env, pool):
    global waits
    arrival = env.now
    with pool.request() as turn:
        yield turn
        waits += env.now - arrival
        yield env.timeout(rng.expovariate(1))


def source(env, pool):
    for _ in range(requests):
        yield env.timeout(rng.expovariate(rho * servers))
        env.process(request(env, pool))


env = simpy.Environment()
env.process(source(env, simpy.Resource(env, capacity=servers)))
begin = time.process_time()
env.run()
print("%.9f %.6f" % (time.process_time() - begin, waits / requests))
