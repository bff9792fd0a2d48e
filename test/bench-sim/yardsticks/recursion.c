// The yardstick for the engines of package simulator: the Kiefer-Wolfowitz recursion for M/M/c, first come first served, as
// plain C. Free times of the servers stand in a heap; each request takes the earliest and puts it forward. Random numbers
// are xoshiro256++ (Blackman, Vigna 2021), exponential draws the ziggurat (Marsaglia, Tsang 2000).
//
// usage: recursion SERVERS RHO REQUESTS SEED; prints the CPU time in seconds and the mean wait.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t s[4];

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t next(void) {
	uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

static void seed(uint64_t z) {
	for (int i = 0; i < 4; i++) {
		z += 0x9e3779b97f4a7c15;
		uint64_t x = z;
		x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
		x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
		s[i] = x ^ (x >> 31);
	}
}

static inline double unit(void) { return (next() >> 11) * 0x1p-53; }

#define EDGE 7.69711747013104972
#define AREA 3.9496598225815571993e-3

static uint64_t inner[256];
static double width[256], height[256];

static void tables(void) {
	double edge = EDGE, base = AREA / exp(-EDGE);
	inner[0] = edge / base * 0x1p53;
	width[0] = base * 0x1p-53;
	height[0] = 1;
	width[255] = edge * 0x1p-53;
	height[255] = exp(-edge);
	for (int i = 254; i >= 1; i--) {
		double x = -log(AREA / edge + exp(-edge));
		inner[i + 1] = x / edge * 0x1p53;
		width[i] = x * 0x1p-53;
		height[i] = exp(-x);
		edge = x;
	}
	inner[1] = 0;
}

static inline double exponential(void) {
	for (;;) {
		uint64_t r = next(), j = r >> 11;
		int i = r & 255;
		double x = j * width[i];
		if (__builtin_expect(j < inner[i], 1)) return x;
		if (i == 0) return EDGE - log(1 - unit());
		if (height[i] + unit() * (height[i - 1] - height[i]) < exp(-x)) return x;
	}
}

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	int c = atoi(argv[1]);
	double rho = atof(argv[2]);
	long n = atol(argv[3]);
	seed(strtoull(argv[4], 0, 10));
	tables();
	double *heap = calloc(c, sizeof *heap), interarrival = 1 / (rho * c), t = 0, waits = 0;
	struct timespec from, to;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (long k = 0; k < n; k++) {
		t += exponential() * interarrival;
		double start = heap[0] > t ? heap[0] : t, done = start + exponential();
		waits += start - t;
		int i = 0;
		for (int child; (child = 2 * i + 1) < c; i = child) {
			if (child + 1 < c) child += heap[child + 1] < heap[child];
			if (done <= heap[child]) break;
			heap[i] = heap[child];
		}
		heap[i] = done;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("%.9f %.6f\n", (to.tv_sec - from.tv_sec) + 1e-9 * (to.tv_nsec - from.tv_nsec), waits / n);
}
