/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the XDP backend costs: changes at 100,000 elements, and packets beside no program and beside nftables
 * with the same 100,000 addresses. Frames are made in the kernel (a program's test run with live frames), so
 * that making them costs little; one core makes and takes them. Needs root; works in namespaces of its own.
 */

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>

#include "../tests/unit/enforce/xdp_bed.h"

extern const char xdp_generate_object[];
extern const size_t xdp_generate_object_size;

enum { MANY = 100000, TRIALS = 2000, FRAMES = 1 << 18, ROUNDS = 15 };

static struct backend *backend;
static struct bpf_object *object;
static char why[XDP_WHY_SIZE];

static double seconds(void)
{
	return (double)xdp_now() / 1e9;
}

/* Of this core on our behalf, the kernel's polling included: others on the machine don't count. */
static double worked(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, *why ? why : strerror(errno));
	exit(1);
}

/* Address i of a network whose first byte is `first`. */
static struct cut cut_of(uint8_t first, uint32_t i)
{
	struct cut c = {.to = {.addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = first}}, .bits = 128}};
	c.to.addr.b[13] = (uint8_t)(i / 65536);
	store_be16(c.to.addr.b + 14, (uint16_t)i);
	return c;
}

static void open_backend(bool generic)
{
	static const char *const names[] = {"near"};
	must(xdp_open(
	         &(struct xdp_config){
	             .interfaces = names, .n_interfaces = 1, .pins = bed_pins, .generic = generic},
	         &backend, why) == 0,
	    "xdp_open");
}

static void close_backend(void)
{
	must(backend->ops->clear(backend) == 0, "clear");
	backend->ops->close(backend);
	backend = NULL;
}

static void fill(uint8_t first)
{
	struct backend_step *steps = calloc(MANY, sizeof(*steps));
	must(steps != NULL, "memory");
	for (uint32_t i = 0; i < MANY; i++)
		steps[i] = (struct backend_step){.cut = cut_of(first, i),
		    .until = xdp_now() + INT64_C(3600000000000),
		    .fail_closed = true};
	must(backend->ops->change(backend, steps, MANY, NULL) == 0, "change");
	free(steps);
}

static int compare(const void *a, const void *b)
{
	const double *p = a, *q = b;
	return (*p > *q) - (*p < *q);
}

static void time_one(const char *name, enum backend_act act, uint8_t bits)
{
	double took[TRIALS];
	for (uint32_t i = 0; i < TRIALS; i++) {
		/* spread over what is there */
		struct cut c = cut_of(11, MANY + i * 7919 % 500000);
		c.to = net_prefix_of(c.to.addr, bits);
		if (bits < 128) {
			c = cut_of(12, i * 256);
			c.to.bits = bits;
		}
		struct backend_step step = {
		    .cut = c, .act = act, .until = xdp_now() + INT64_C(3600000000000), .fail_closed = true};
		double begin = seconds();
		must(backend->ops->change(backend, &step, 1, NULL) == 0, "change");
		took[i] = (seconds() - begin) * 1e6;
	}
	qsort(took, TRIALS, sizeof(took[0]), compare);
	printf("| %s | %.0f | %.0f | %.0f |\n", name, took[TRIALS / 2], took[TRIALS * 99 / 100],
	    took[TRIALS - 1]);
}

static void time_changes(void)
{
	double begin;
	open_backend(false);
	begin = seconds();
	fill(11);
	printf("apply 100,000 in one change: %.0f ms\n", (seconds() - begin) * 1e3);
	printf("\n| one change at 100,000 | p50, us | p99, us | most, us |\n| --- | --- | --- | --- |\n");
	time_one("add an address", BACKEND_ADD, 128);
	time_one("renew it", BACKEND_RENEW, 128);
	time_one("remove it", BACKEND_REMOVE, 128);
	time_one("add a /24", BACKEND_ADD, 120);
	time_one("remove it", BACKEND_REMOVE, 120);
	struct backend_element *v = NULL;
	size_t n = 0, steps = 1;
	bool intact;
	double most = 0, all = seconds();
	must(backend->ops->read_begin(backend) == 0, "read");
	for (;;) {
		begin = seconds();
		int more = backend->ops->read_more(backend, &v, &n, &intact);
		double took = seconds() - begin;
		most = took > most ? took : most;
		if (more == 0)
			break;
		must(more == 1, "read");
		steps++;
	}
	printf("\nread back %zu: %.0f ms in %zu steps, the longest %.2f ms\n", n, (seconds() - all) * 1e3,
	    steps, most * 1e3);
	free(v);
	begin = seconds();
	backend->ops->close(backend);
	open_backend(false);
	printf("take over 100,000 at a restart: %.0f ms\n\n", (seconds() - begin) * 1e3);
	close_backend();
}

/* Sends frames out of "far": millions a second, the best of some rounds. */
static double rate(uint16_t spread)
{
	struct bed_bytes b;
	struct bed_frame f = {
	    .from = "10.0.0.2", .to = "11.0.0.0", .protocol = IPPROTO_UDP, .to_port = 9, .payload = 18};
	bed_build(&f, &b);
	/* the checksum of a header whose id and lower half of the destination sum to ffff */
	uint32_t sum = 0xffff;
	for (size_t i = 14; i < 34; i += 2)
		sum += load_be16(b.p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	store_be16(b.p + 24, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	struct ifreq request = {.ifr_name = "near"};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	must(fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &request) == 0, "near");
	close(fd);
	memcpy(b.p, request.ifr_hwaddr.sa_data, 6);
	uint32_t zero = 0;
	uint8_t heads[36];
	memcpy(heads, b.p, 34);
	memcpy(heads + 34, &spread, 2);
	must(
	    bpf_map_update_elem(bpf_object__find_map_fd_by_name(object, "frame"), &zero, heads, BPF_ANY) == 0,
	    "frame");
	struct xdp_md context = {.data_end = (uint32_t)b.n, .ingress_ifindex = if_nametoindex("far")};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = b.p, .data_size_in = (uint32_t)b.n, .ctx_in = &context,
	    .ctx_size_in = sizeof(context), .repeat = FRAMES, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
	    .batch_size = 64);
	int program = bpf_program__fd(bpf_object__find_program_by_name(object, "generate"));
	double best = 0;
	for (int i = 0; i < ROUNDS; i++) {
		double begin = worked();
		must(bpf_prog_test_run_opts(program, &run) == 0, "live frames");
		double got = FRAMES / (worked() - begin) / 1e6;
		best = got > best ? got : best;
	}
	return best;
}

/* Packets that went out of "third". */
static uint64_t forwarded(void)
{
	char line[512];
	unsigned long long n = 0;
	FILE *file = fopen("/proc/self/net/dev", "re");
	must(file != NULL, "/proc/self/net/dev");
	while (fgets(line, sizeof(line), file))
		(void)sscanf(line, " third: %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &n);
	fclose(file);
	return n;
}

static void row(const char *name)
{
	uint64_t out = forwarded();
	double one = rate(0), many = rate(0xffff);
	out = forwarded() - out;
	printf("| %s | %.2f | %.0f | %.2f | %.0f | %.1f |\n", name, one, 1e3 / one, many, 1e3 / many,
	    (double)out * 100 / FRAMES / ROUNDS / 2);
}

static void put_nft(const char *hook, uint8_t first)
{
	char path[96];
	snprintf(path, sizeof(path), "/tmp/xdp-bench-%d.nft", getpid());
	FILE *file = fopen(path, "we");
	must(file != NULL, path);
	fprintf(file, "table %s bench {\n set cut { type ipv4_addr; elements = {",
	    strncmp(hook, "ingress", 7) ? "ip" : "netdev");
	for (uint32_t i = 0; i < MANY; i++)
		fprintf(file, "%s%u.%u.%u.%u", i ? "," : "", first, i / 65536, i / 256 % 256, i % 256);
	fprintf(file,
	    "} }\n chain c { type filter hook %s priority 0;\n ip daddr @cut drop\n ip saddr @cut drop\n "
	    "}\n}\n",
	    hook);
	fclose(file);
	must(BED_RUN("nft", "-f", path) == 0, "nft");
	unlink(path);
}

static void clear_nft(void)
{
	must(BED_RUN("nft", "flush", "ruleset") == 0, "nft");
}

/* The receiving end takes frames that a program sent only where it polls for them. */
static void set_gro(const char *name)
{
	struct ethtool_value on = {.cmd = ETHTOOL_SGRO, .data = 1};
	struct ifreq request = {.ifr_data = (char *)&on};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0, "GRO");
	close(fd);
}

static void make_network(void)
{
	must(bed_add_pair("third", "end") == 0, "third");
	must(BED_RUN("ip", "address", "add", "10.0.0.1/24", "dev", "near") == 0, "address");
	must(BED_RUN("ip", "address", "add", "10.3.0.1/24", "dev", "third") == 0, "address");
	must(
	    BED_RUN("ip", "neighbour", "add", "10.3.0.2", "lladdr", "02:00:00:00:00:09", "dev", "third") == 0,
	    "neighbour");
	must(BED_RUN("ip", "route", "add", "11.0.0.0/8", "via", "10.3.0.2") == 0, "route");
	bed_set("/proc/sys/net/ipv4/ip_forward", "1");
	bed_set("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	bed_set("/proc/sys/net/ipv4/conf/near/rp_filter", "0");
	set_gro("near");
}

static void time_packets(void)
{
	printf("| packets that are cut | one address, Mpps | ns each | 65,536 addresses, Mpps | ns each | "
	       "forwarded, %% |\n| --- | --- | --- | --- | --- | --- |\n");
	int sink = bpf_program__fd(bpf_object__find_program_by_name(object, "sink"));
	must(bpf_xdp_attach((int)if_nametoindex("near"), sink, XDP_FLAGS_DRV_MODE, NULL) == 0, "sink");
	row("an empty program that drops (the floor)");
	must(bpf_xdp_detach((int)if_nametoindex("near"), XDP_FLAGS_DRV_MODE, NULL) == 0, "sink");
	set_gro("near");
	open_backend(false);
	fill(11);
	row("XDP, native");
	close_backend();
	set_gro("near");
	open_backend(true);
	fill(11);
	row("XDP, generic");
	close_backend();
	put_nft("ingress device near", 11);
	row("nftables, ingress");
	clear_nft();
	put_nft("forward", 11);
	row("nftables, forward");
	clear_nft();
	printf("\n| packets that aren't | one address, Mpps | ns each | 65,536 addresses, Mpps | ns each | "
	       "forwarded, %% |\n| --- | --- | --- | --- | --- | --- |\n");
	row("no program, no rules");
	open_backend(false);
	fill(13);
	row("XDP, native");
	close_backend();
	set_gro("near");
	put_nft("forward", 13);
	row("nftables, forward");
	clear_nft();
}

int main(void)
{
	cpu_set_t one;
	int r = bed_make();
	if (r)
		return r;
	setvbuf(stdout, NULL, _IOLBF, 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	must(setpriority(PRIO_PROCESS, 0, -20) == 0, "priority");
	must(sched_setaffinity(0, sizeof(one), &one) == 0, "one core");
	libbpf_set_print(NULL);
	object = bpf_object__open_mem(xdp_generate_object, xdp_generate_object_size, NULL);
	must(object && bpf_object__load(object) == 0, "generator");
	make_network();
	time_changes();
	time_packets();
	bpf_object__close(object);
	bed_end();
	return 0;
}
