// SPDX-License-Identifier: GPL-2.0
/*
 * Events as JSON: see event_json.h.
 */
#include "event_json.h"
#include "json.h"
#include "tool.h"

static void write_value(const struct key *key, const struct event *ev)
{
	const void *at = (const char *)ev + key->offset;
	char text[OPTIONS_TEXT];

	switch (key->form) {
	case FORM_U8:
		json_number(key->name, *(const uint8_t *)at);
		break;
	case FORM_U32:
		json_number(key->name, *(const uint32_t *)at);
		break;
	case FORM_U64:
		json_number(key->name, *(const uint64_t *)at);
		break;
	case FORM_S32:
		json_signed(key->name, *(const int32_t *)at);
		break;
	case FORM_FLAGS:
		json_string(key->name, flags_text(ev->flags, text,
						  sizeof(text)));
		break;
	case FORM_STATE:
		json_string(key->name, state_name(*(const uint8_t *)at));
		break;
	case FORM_ENUM:
	case FORM_WHY:
		json_string(key->name, enum_name(key->detail,
						 *(const uint8_t *)at));
		break;
	case FORM_WORD:
		json_string(key->name, at);
		break;
	case FORM_OPTIONS:
		json_string(key->name, options_text(ev, 0, text,
						    sizeof(text)));
		break;
	}
}

/**
 * event_json - an event as an object
 * @name: of the object, when it is in another one; or NULL
 * @ev: the event
 * @rec: its recording, which knows the names of network namespaces
 */
void event_json(const char *name, const struct event *ev,
		const struct recording *rec)
{
	const struct key *key;
	char text[ENDPOINT_TEXT];

	json_open(name, '{');
	json_time("time", ev->ns);
	json_string("kind", kind_name(ev->kind));
	json_number("netns", ev->netns);
	json_string("netns_name", recording_netns(rec, ev->netns));
	if (of_connection(ev)) {
		json_number("proto", ev->proto);
		json_string("local", endpoint_text(&ev->local, text,
						   sizeof(text)));
		json_string("foreign", endpoint_text(&ev->foreign, text,
						     sizeof(text)));
	}
	for (key = event_keys(ev->kind); key->name; key++)
		if (key_is_told(key, ev))
			write_value(key, ev);
	json_close('}');
}
