// SPDX-License-Identifier: GPL-2.0
/*
 * The notation of one segment: read from a script, shown in a report,
 * compared with what the stack has sent.  README.md describes it.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../bytes.h"
#include "conformance.h"

#define MAX_NAMES	32

static const char flag_letters[] = "FSRP.UEW";
static const char * const ecn_names[] = { "none", "ect1", "ect0", "ce" };

/*
 * ---- Numbers with a name ----
 */

static struct {
	char name[NAME_LEN];
	__u32 number;
} names[MAX_NAMES];

bool name_find(const char *name, __u32 *number)
{
	unsigned int i;

	for (i = 0; i < MAX_NAMES && names[i].name[0]; i++) {
		if (!strcmp(names[i].name, name)) {
			*number = names[i].number;
			return true;
		}
	}
	return false;
}

void name_set(const char *name, __u32 number)
{
	unsigned int i;

	for (i = 0; i < MAX_NAMES; i++) {
		if (names[i].name[0] && strcmp(names[i].name, name))
			continue;
		snprintf(names[i].name, NAME_LEN, "%s", name);
		names[i].number = number;
		return;
	}
	fail("more than %d names", MAX_NAMES);
}

/*
 * ---- Reading ----
 */

/* A parser's way out: the reason, and false. */
static bool wrong(char *error, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(char *error, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, size, fmt, args);
	va_end(args);
	return false;
}

bool number_parse(const char *word, long long *number)
{
	char *end;

	if (!word || !*word)
		return false;
	*number = strtoll(word, &end, 0);
	return !*end;
}

/* "17", "*", "first", "first+100" */
static bool value_parse(struct value *value, const char *word)
{
	size_t len;

	memset(value, 0, sizeof(*value));
	if (!word)
		return false;
	if (!strcmp(word, "*")) {
		value->is = ANY;
		return true;
	}
	if (!isalpha(*word)) {
		value->is = NUMBER;
		return number_parse(word, &value->number);
	}
	value->is = NAME;
	len = strcspn(word, "+-");
	if (len >= NAME_LEN)
		return false;
	memcpy(value->name, word, len);
	return !word[len] || number_parse(word + len, &value->number);
}

static bool hex_parse(const char *word, __u8 *bytes, unsigned int *len)
{
	unsigned int byte;

	for (*len = 0; word && *word; word += 2) {
		if (!isxdigit(word[0]) || !isxdigit(word[1]) ||
		    *len == MAX_OPTIONS || sscanf(word, "%2x", &byte) != 1)
			return false;
		bytes[(*len)++] = byte;
	}
	return *len;
}

static bool sack_parse(struct tcp_option *option, char *text)
{
	const char *word;
	int used;

	while ((word = next_word(&text))) {
		if (option->len == ARRAY_SIZE(option->edge) ||
		    sscanf(word, "%lld:%lld%n", &option->edge[option->len],
			   &option->edge[option->len + 1], &used) != 2 ||
		    word[used])
			return false;
		option->len += 2;
	}
	return true;
}

/* "TS val 100 ecr 0" behind the name */
static bool timestamp_parse(struct tcp_option *option, char *text)
{
	const char *val = next_word(&text), *value = next_word(&text);
	const char *ecr = next_word(&text), *reply = next_word(&text);

	return val && !strcmp(val, "val") && ecr && !strcmp(ecr, "ecr") &&
	       value_parse(&option->value, value) &&
	       value_parse(&option->ecr, reply) && !next_word(&text);
}

static bool option_parse(struct tcp_option *option, char *text)
{
	const char *name = next_word(&text);

	memset(option, 0, sizeof(*option));
	if (!name)
		return false;
	if (!strcmp(name, "TS")) {
		option->kind = OPT_TS;
		return timestamp_parse(option, text);
	}
	if (!strcmp(name, "sack")) {
		option->kind = OPT_SACK;
		return sack_parse(option, text);
	}
	if (!strcmp(name, "raw")) {
		option->kind = OPT_RAW;
		return hex_parse(next_word(&text), option->raw,
				 &option->len) && !next_word(&text);
	}
	if (!strcmp(name, "mss") || !strcmp(name, "wscale")) {
		option->kind = *name == 'm' ? OPT_MSS : OPT_WSCALE;
		return value_parse(&option->value, next_word(&text)) &&
		       option->value.is == NUMBER && !next_word(&text);
	}
	if (!strcmp(name, "nop"))
		option->kind = OPT_NOP;
	else if (!strcmp(name, "eol"))
		option->kind = OPT_EOL;
	else if (!strcmp(name, "sackOK"))
		option->kind = OPT_SACKOK;
	else
		return false;
	return !next_word(&text);
}

/* @text points behind the '<'; it is moved behind the '>'. */
static bool options_parse(struct segment *seg, char **text)
{
	char *end = strchr(*text, '>'), *one, *save;

	if (!end)
		return false;
	*end = 0;
	one = *text;
	*text = end + 1;
	if (!strcmp(one, "...")) {
		seg->has |= HAS_ANY_OPTIONS;
		return true;
	}
	for (one = strtok_r(one, ",", &save); one;
	     one = strtok_r(NULL, ",", &save))
		if (seg->noptions == MAX_OPTIONS ||
		    !option_parse(&seg->options[seg->noptions++], one))
			return false;
	return true;
}

static bool flags_parse(struct segment *seg, const char *word)
{
	const char *letter;

	if (!strcmp(word, "-"))
		return true;
	for (; *word; word++) {
		letter = strchr(flag_letters, *word);
		if (!letter)
			return false;
		seg->flags |= 1 << (letter - flag_letters);
	}
	return true;
}

/* "100", ">100", "<100", "100..200" */
static bool window_parse(struct segment *seg, const char *word)
{
	char less[NAME_LEN];
	long long low, high;
	const char *to;

	seg->has |= HAS_WIN;
	if (*word == '>' || *word == '<') {
		if (!number_parse(word + 1, &low))
			return false;
		seg->win_min = *word == '>' ? low + 1 : 0;
		seg->win_max = *word == '>' ? 65535 : low - 1;
		return true;
	}
	to = strstr(word, "..");
	snprintf(less, sizeof(less), "%.*s",
		 to ? (int)(to - word) : NAME_LEN - 1, word);
	if (!number_parse(less, &low))
		return false;
	high = low;
	if (to && !number_parse(to + 2, &high))
		return false;
	seg->win_min = low;
	seg->win_max = high;
	return low >= 0 && high <= 65535;
}

static bool ecn_parse(struct segment *seg, const char *word)
{
	for (seg->ecn = 0; seg->ecn < 4; seg->ecn++)
		if (!strcmp(word, ecn_names[seg->ecn]))
			return true;
	return false;
}

bool address_parse(const char *word, __u32 *addr)
{
	struct in_addr in;

	if (!word || !inet_aton(word, &in))
		return false;
	*addr = ntohl(in.s_addr);
	return true;
}

/* A word whose value is a plain number. */
static bool plain_parse(struct segment *seg, const char *word, long long n)
{
	if (!strcmp(word, "ack"))
		seg->ack = n;
	else if (!strcmp(word, "urg"))
		seg->has |= HAS_URG, seg->urg = n;
	else if (!strcmp(word, "tos"))
		seg->has |= HAS_TOS, seg->tos = n;
	else if (!strcmp(word, "ttl"))
		seg->has |= HAS_TTL, seg->ttl = n;
	else if (!strcmp(word, "fill"))
		seg->has |= HAS_FILL, seg->fill = n;
	else if (!strcmp(word, "doff"))
		seg->has |= HAS_DOFF, seg->doff = n;
	else if (!strcmp(word, "reserved"))
		seg->reserved = n;
	else if (!strcmp(word, "cut"))
		seg->cut = n;
	else if (!strcmp(word, "frag"))
		seg->frag = n;
	else if (!strcmp(word, "sport"))
		seg->sport = n;
	else if (!strcmp(word, "dport"))
		seg->dport = n;
	else if (!strcmp(word, "by"))
		seg->by = n;
	else
		return false;
	return true;
}

static bool word_parse(struct segment *seg, const char *word,
		       const char *value)
{
	long long n;

	if (!value)
		return false;
	if (!strcmp(word, "win"))
		return window_parse(seg, value);
	if (!strcmp(word, "ecn"))
		return ecn_parse(seg, value);
	if (!strcmp(word, "src")) {
		seg->has |= HAS_SRC;
		return address_parse(value, &seg->src);
	}
	if (!strcmp(word, "dst"))
		return address_parse(value, &seg->dst);
	if (!strcmp(word, "ipopt"))
		return hex_parse(value, seg->ipopt, &seg->ipoptlen);
	if (!strcmp(value, "bad")) {
		if (!strcmp(word, "sum"))
			seg->has |= HAS_BAD_SUM;
		else if (!strcmp(word, "ipsum"))
			seg->has |= HAS_BAD_IPSUM;
		else
			return false;
		return true;
	}
	return number_parse(value, &n) && plain_parse(seg, word, n);
}

/* "1:101(100)" */
static bool sequence_parse(struct segment *seg, const char *word)
{
	long long end, len;
	int used = 0;

	if (!word || sscanf(word, "%lld:%lld(%lld)%n", &seg->seq, &end, &len,
			    &used) != 3 || word[used])
		return false;
	if (end - seg->seq != len || len < 0 || len > (seg->by ? : 1 << 20))
		return false;
	seg->len = len;
	return true;
}

/* "[2] S. 0:0(0) ack 1 ..." */
bool segment_parse(struct segment *seg, char *text, char *error, size_t size)
{
	const char *word = next_word(&text), *value;
	bool has_ack = false;
	int used = 0;

	memset(seg, 0, sizeof(*seg));
	seg->win_min = 65535;
	if (word && sscanf(word, "[%d]%n", &seg->conn, &used) == 1) {
		if (word[used] || seg->conn < 1 || seg->conn > MAX_CONNS)
			return wrong(error, size, "no connection %s", word);
		seg->conn--;
		word = next_word(&text);
	}
	if (!word || !flags_parse(seg, word))
		return wrong(error, size, "flags expected, not '%s'",
			     word ? : "");
	word = next_word(&text);
	if (!sequence_parse(seg, word))
		return wrong(error, size, "'%s' is no FIRST:END(LENGTH)",
			     word ? : "");
	for (;;) {
		text += strspn(text, " \t");
		if (*text == '<') {
			text++;
			if (!options_parse(seg, &text))
				return wrong(error, size, "bad options");
			continue;
		}
		word = next_word(&text);
		if (!word)
			break;
		value = next_word(&text);
		if (!word_parse(seg, word, value))
			return wrong(error, size, "bad '%s %s'", word,
				     value ? : "");
		has_ack |= !strcmp(word, "ack");
	}
	if (has_ack != !!(seg->flags & ACK))
		return wrong(error, size, has_ack ? "'ack' without flag '.'" :
			     "flag '.' without 'ack'");
	if (seg->len > MAX_DATA && !seg->by)
		return wrong(error, size, "%u bytes are too many", seg->len);
	return true;
}

/*
 * ---- Showing ----
 */

/* Where the text goes. */
struct text {
	char *at, *end;
};

static void add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->at, t->end - t->at, fmt, args);
	va_end(args);
	t->at += n < t->end - t->at ? n : t->end - t->at - 1;
}

static void show_option(struct text *t, const __u8 *opt, unsigned int len,
			__u32 zero)
{
	unsigned int i;

	if (opt[0] == OPT_MSS && len == 4) {
		add(t, "mss %u", get16(opt + 2));
	} else if (opt[0] == OPT_WSCALE && len == 3) {
		add(t, "wscale %u", opt[2]);
	} else if (opt[0] == OPT_SACKOK && len == 2) {
		add(t, "sackOK");
	} else if (opt[0] == OPT_TS && len == 10) {
		add(t, "TS val %u ecr %u", get32(opt + 2), get32(opt + 6));
	} else if (opt[0] == OPT_SACK && len % 8 == 2) {
		add(t, "sack");
		for (i = 2; i < len; i += 8)
			add(t, " %d:%d", (int)(get32(opt + i) - zero),
			    (int)(get32(opt + i + 4) - zero));
	} else {
		add(t, "raw ");
		for (i = 0; i < len; i++)
			add(t, "%02x", opt[i]);
	}
}

static void show_options(struct text *t, const struct packet *p, __u32 zero)
{
	unsigned int i, len;

	add(t, " <");
	for (i = 0; i < p->optlen; i += len) {
		if (i)
			add(t, ",");
		len = 1;
		if (p->opt[i] == OPT_EOL) {
			add(t, "eol");
			continue;
		}
		if (p->opt[i] == OPT_NOP) {
			add(t, "nop");
			continue;
		}
		if (i + 1 < p->optlen && p->opt[i + 1] >= 2 &&
		    i + p->opt[i + 1] <= p->optlen)
			len = p->opt[i + 1];
		else
			len = p->optlen - i;
		show_option(t, p->opt + i, len, zero);
	}
	add(t, ">");
}

static void show_numbers(struct text *t, const struct packet *p,
			 __u32 zero, __u32 other)
{
	add(t, " %d:%d(%u)", (int)(p->seq - zero),
	    (int)(p->seq + p->len - zero), p->len);
	if (p->flags & ACK)
		add(t, " ack %d", (int)(p->ack - other));
	add(t, " win %u", p->window);
	if (p->flags & URG || p->urg)
		add(t, " urg %u", p->urg);
}

const char *segment_show(const struct packet *p)
{
	static char line[700];
	struct conn *c = wire_conn_of(p);
	struct text t = { line, line + sizeof(line) };
	__u32 zero, other;
	bool out = p->out;
	int i;

	if (p->proto == IPPROTO_ICMP) {
		add(&t, "icmp type %u code %u", p->data[0], p->data[1]);
		return line;
	}
	if (!c)
		add(&t, "(port %u to %u) ", p->sport, p->dport);
	else if (c != wire_conn(0))
		add(&t, "[%d] ", (int)(c - wire_conn(0)) + 1);
	zero = !c ? 0 : out ? c->stack_zero : c->peer_zero;
	other = !c ? 0 : out ? c->peer_zero : c->stack_zero;
	for (i = 0; i < 8; i++)
		if (p->flags & 1 << i)
			add(&t, "%c", flag_letters[i]);
	if (!p->flags)
		add(&t, "-");
	show_numbers(&t, p, zero, other);
	if (p->optlen)
		show_options(&t, p, other);
	if (p->tos & 3)
		add(&t, " ecn %s", ecn_names[p->tos & 3]);
	if (p->tos & ~3)
		add(&t, " tos %u", p->tos & ~3);
	if (p->ttl != 64)
		add(&t, " ttl %u", p->ttl);
	if (p->doff && p->doff != 5 + (p->optlen + 3) / 4)
		add(&t, " doff %u", p->doff);
	if (p->saddr != (out ? LOCAL_ADDR : PEER_ADDR))
		add(&t, " src %s", inet_ntoa((struct in_addr)
					     { htonl(p->saddr) }));
	if (p->daddr != (out ? PEER_ADDR : LOCAL_ADDR))
		add(&t, " dst %s", inet_ntoa((struct in_addr)
					     { htonl(p->daddr) }));
	return line;
}

/*
 * ---- Options as bytes ----
 */

/* A value as it is known now; false when any will do. */
static bool value_get(const struct value *value, __u32 *number)
{
	*number = value->number;
	if (value->is == NUMBER)
		return true;
	if (value->is == ANY || !name_find(value->name, number))
		return false;
	*number += value->number;
	return true;
}

static void encode_option(const struct tcp_option *o, __u32 zero, __u8 *opt,
			  unsigned int *len)
{
	static const __u8 lengths[] = {
		[OPT_EOL] = 1, [OPT_NOP] = 1, [OPT_MSS] = 4, [OPT_WSCALE] = 3,
		[OPT_SACKOK] = 2, [OPT_SACK] = 2, [OPT_TS] = 10,
	};
	__u32 number;
	unsigned int i;

	*len = o->kind == OPT_RAW ? o->len : lengths[o->kind];
	if (o->kind == OPT_SACK)
		*len += 4 * o->len;
	if (o->kind == OPT_RAW) {
		memcpy(opt, o->raw, *len);
		return;
	}
	opt[0] = o->kind;
	if (*len > 1)
		opt[1] = *len;
	if (o->kind == OPT_MSS) {
		opt[2] = o->value.number >> 8;
		opt[3] = o->value.number;
	} else if (o->kind == OPT_WSCALE) {
		opt[2] = o->value.number;
	} else if (o->kind == OPT_SACK) {
		for (i = 0; i < o->len; i++)
			put32(opt + 2 + 4 * i, o->edge[i] + zero);
	} else if (o->kind == OPT_TS) {
		value_get(&o->value, &number);
		put32(opt + 2, number);
		value_get(&o->ecr, &number);
		put32(opt + 6, number);
	}
}

/* What is sent must be known. */
static void check_known(const struct value *value)
{
	__u32 number;

	if (value->is == ANY || (value->is == NAME &&
				 !name_find(value->name, &number)))
		fail("nothing is known as '%s'",
		     value->is == ANY ? "*" : value->name);
}

/* The header's fields, from a script's numbers: a segment of the peer's. */
void segment_encode(const struct segment *seg, const struct conn *c,
		    struct packet *p)
{
	__u8 bytes[4 * MAX_OPTIONS];
	unsigned int i, len;

	p->seq = seg->seq + c->peer_zero;
	p->ack = seg->flags & ACK ? seg->ack + c->stack_zero : 0;
	p->flags = seg->flags;
	p->len = seg->len;
	p->window = seg->win_min;
	p->urg = seg->urg;
	p->reserved = seg->reserved;
	p->doff = seg->doff;
	p->tos = seg->tos | seg->ecn;
	p->ttl = seg->has & HAS_TTL ? seg->ttl : 64;
	p->frag = seg->frag;
	memcpy(p->ipopt, seg->ipopt, seg->ipoptlen);
	p->ipoptlen = seg->ipoptlen;
	p->optlen = 0;
	for (i = 0; i < seg->noptions; i++) {
		check_known(&seg->options[i].value);
		check_known(&seg->options[i].ecr);
		encode_option(&seg->options[i], c->stack_zero, bytes, &len);
		if (p->optlen + len > MAX_OPTIONS)
			fail("more than %d bytes of options", MAX_OPTIONS);
		memcpy(p->opt + p->optlen, bytes, len);
		p->optlen += len;
	}
}

/*
 * ---- Comparing ----
 */

/* A number of the stack's that a script may know only by name. */
static bool value_matches(const struct value *value, __u32 got)
{
	double early, late, apart;
	__u32 want;

	if (value->is == ANY)
		return true;
	if (!value_get(value, &want)) {
		name_set(value->name, got);
		return true;
	}
	if (value->is == NUMBER || !value->number)
		return got == want;
	/* So many milliseconds after the one that has the name. */
	apart = (int)(got - want);
	early = 1000 * config.early + config.slack * value->number;
	late = 1000 * config.late + config.slack * value->number;
	return apart >= -early && apart <= late;
}

static bool option_matches(const struct tcp_option *o, const __u8 *got,
			   unsigned int left, __u32 zero, unsigned int *len)
{
	__u8 want[4 * MAX_OPTIONS];

	encode_option(o, zero, want, len);
	if (*len > left)
		return false;
	if (o->kind != OPT_TS)
		return !memcmp(want, got, *len);
	return !memcmp(want, got, 2) &&
	       value_matches(&o->value, get32(got + 2)) &&
	       value_matches(&o->ecr, get32(got + 6));
}

static bool options_match(const struct segment *seg, const struct conn *c,
			  const struct packet *p)
{
	unsigned int i, len, at = 0;

	if (seg->has & HAS_ANY_OPTIONS)
		return true;
	for (i = 0; i < seg->noptions; i++, at += len)
		if (!option_matches(&seg->options[i], p->opt + at,
				    p->optlen - at, c->peer_zero, &len))
			return false;
	/* what is left can only be padding */
	return p->optlen - at < 4 && (at == p->optlen || !p->opt[at]);
}

/**
 * segment_matches - is it what the script expects?
 * @seg: what is expected
 * @c: its connection
 * @p: what the stack has sent
 * @why: filled with what differs
 * @size: bytes at @why
 */
bool segment_matches(const struct segment *seg, const struct conn *c,
		     const struct packet *p, char *why, size_t size)
{
	__u8 mask = seg->flags & PSH ? 0xff : 0xff & ~PSH;
	struct text t = { why, why + size };

	why[0] = 0;
	if (wire_conn_of(p) != c) {
		add(&t, " connection");
		return false;
	}
	if (p->daddr != (seg->dst ? : PEER_ADDR))
		add(&t, " dst");
	if (p->saddr != (seg->has & HAS_SRC ? seg->src : LOCAL_ADDR))
		add(&t, " src");
	if (seg->flags != (p->flags & mask))
		add(&t, " flags");
	if (seg->seq + c->stack_zero != p->seq)
		add(&t, " seq");
	if (seg->len != p->len)
		add(&t, " length");
	if (seg->flags & ACK && seg->ack + c->peer_zero != p->ack)
		add(&t, " ack");
	if (seg->has & HAS_WIN &&
	    (p->window < seg->win_min || p->window > seg->win_max))
		add(&t, " win");
	if (seg->has & HAS_URG && seg->urg != p->urg)
		add(&t, " urg");
	if (seg->ecn != (p->tos & 3))
		add(&t, " ecn");
	if (seg->tos != (p->tos & ~3))
		add(&t, " tos");
	if ((seg->has & HAS_TTL ? seg->ttl : 64) != p->ttl)
		add(&t, " ttl");
	if (!options_match(seg, c, p))
		add(&t, " options");
	return !why[0];
}
