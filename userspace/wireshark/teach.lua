-- SPDX-License-Identifier: GPL-2.0
--
-- AF_TEACH in Wireshark and tshark.
--
-- IP protocol 253 has TCP's header and 254 has UDP's, so Wireshark's own
-- dissectors get the segments, and all that it can do with TCP can be done:
-- filters like tcp.port == 8080, sequence analysis, streams, graphs.
--
-- One thing they cannot do: verify the checksum.  It covers the number of the
-- protocol, and they would put in TCP's or UDP's.  So it is verified here, when
-- they are done, and teach.checksum.status says what was found.

local ip_protocols = DissectorTable.get("ip.proto")

-- Installed, and named with -X as well: once is enough.
if ip_protocols:get_dissector(253) then
	return
end

-- What each protocol number's header is.
local headers = {
	[253] = {
		name = "TCP",
		dissector = Dissector.get("tcp"),
		preference = "tcp.check_checksum",
		size = 20,
		checksum_at = 16,
	},
	[254] = {
		name = "UDP",
		dissector = Dissector.get("udp"),
		preference = "udp.check_checksum",
		size = 8,
		checksum_at = 6,
		length_at = 4,
		zero_is_none = true,
	},
}

for number, header in pairs(headers) do
	ip_protocols:add(number, header.dissector)
end

-- A user who has told Wireshark to verify TCP's or UDP's checksums gets this
-- one in between: the dissector is told that he has not, for it would find each
-- of ours bad.  Nobody else gets it, because of Wireshark 4.0: the exception
-- that a dissector throws where the capture has cut a packet short unwinds the
-- stack through Lua, and after a hundred of these nothing in Lua works.

local between = Proto("teach.segment", "AF_TEACH's segment")

function between.dissector(tvb, pinfo, tree)
	local header = headers[pinfo.match_uint]

	if not header then
		return 0
	end
	-- What was cut short is not verified anyway, and may not come back.
	if tvb:len() < tvb:reported_len() then
		return header.dissector:call(tvb, pinfo, tree)
	end
	set_preference(header.preference, false)
	-- If it fails, it has said so in the tree.
	pcall(header.dissector.call, header.dissector, tvb, pinfo, tree)
	set_preference(header.preference, true)
	return tvb:len()
end

-- Called when a file is read, and when preferences have changed.
function between.init()
	for number, header in pairs(headers) do
		if get_preference(header.preference) then
			ip_protocols:add(number, between)
		else
			ip_protocols:add(number, header.dissector)
		end
	end
end

-- The checksum.

local teach = Proto("teach", "AF_TEACH")

-- The numbers are those of tcp.checksum.status, which has no Partial.
local BAD, GOOD, UNVERIFIED, ABSENT, PARTIAL = 0, 1, 2, 3, 5

local status_names = {
	[BAD] = "Bad",
	[GOOD] = "Good",
	[UNVERIFIED] = "Unverified",
	[ABSENT] = "Not present",
	[PARTIAL] = "Partial",
}

local status_remarks = {
	[GOOD] = "correct",
	[UNVERIFIED] = "unverified: not all of it is here",
	[ABSENT] = "not present: the sender left it out",
	[PARTIAL] = "partial: the pseudo-header's, the card was to do the rest",
}

local checksum_field = ProtoField.uint16("teach.checksum", "Checksum",
					 base.HEX)
local status_field = ProtoField.uint8("teach.checksum.status",
				      "Checksum Status", base.DEC,
				      status_names)
local bad_checksum = ProtoExpert.new("teach.checksum.bad", "Bad checksum",
				     expert.group.CHECKSUM,
				     expert.severity.ERROR)

teach.fields = { checksum_field, status_field }
teach.experts = { bad_checksum }

-- Add the 16-bit words of a string to a sum (RFC 1071).
local function add_words(sum, bytes)
	local even = #bytes - #bytes % 2

	for i = 1, even, 2 do
		local high, low = bytes:byte(i, i + 1)
		sum = sum + high * 256 + low
	end
	if even < #bytes then
		sum = sum + bytes:byte(#bytes) * 256
	end
	return sum
end

-- Fold a sum into 16 bits, as ones' complement wants it.
local function fold(sum)
	while sum > 0xffff do
		sum = sum % 0x10000 + math.floor(sum / 0x10000)
	end
	return sum
end

-- The segment behind the IP header at an offset: where it begins, how long it
-- is, and whether it is a fragment.
local function find_segment(tvb, ip_at)
	local ip_size = tvb(ip_at, 1):bitfield(4, 4) * 4
	local length = tvb(ip_at + 2, 2):uint() - ip_size
	local fragment = tvb(ip_at + 6, 2):bitfield(2, 14) ~= 0

	return ip_at + ip_size, length, fragment
end

-- The status of a checksum and, if it is bad, what it should be.
local function verify(tvb, ip_at, header, number)
	local at, length, fragment = find_segment(tvb, ip_at)
	local found = tvb(at + header.checksum_at, 2):uint()
	local pseudo, sum

	if found == 0 and header.zero_is_none then
		return ABSENT
	end
	-- UDP's header has a length of its own.
	if header.length_at then
		length = math.min(length, tvb(at + header.length_at, 2):uint())
	end
	if fragment or length < header.size or tvb:len() < at + length then
		return UNVERIFIED
	end

	-- The pseudo-header begins with IP's two addresses.
	pseudo = add_words(number + length, tvb:raw(ip_at + 12, 8))
	sum = add_words(pseudo, tvb:raw(at, length))
	if fold(sum) == 0xffff then
		return GOOD
	end
	-- Linux leaves this there for a card that completes checksums.
	if found == fold(pseudo) then
		return PARTIAL
	end
	return BAD, 0xffff - fold(sum - found)
end

local function show_checksum(tvb, ip_at, header, number, tree)
	local range = tvb(find_segment(tvb, ip_at) + header.checksum_at, 2)
	local status, expected = verify(tvb, ip_at, header, number)
	local item = tree:add(checksum_field, range)

	if status == BAD then
		local remark = string.format("[should be 0x%04x]", expected)

		item:append_text(" " .. remark)
		item:add_proto_expert_info(bad_checksum,
					   "Bad checksum " .. remark)
	else
		item:append_text(" [" .. status_remarks[status] .. "]")
	end
	tree:add(status_field, range, status):set_generated()
	tree:append_text(", checksum " .. status_names[status]:lower())
end

-- An IP header of ours, at an offset in tvb.
local function dissect(tvb, ip_at, number, pinfo, tree)
	local header = headers[number]
	local at = find_segment(tvb, ip_at)
	local subtree = tree:add(teach, tvb(ip_at + 9, 1), string.format(
		"AF_TEACH, IP protocol %d: %s's header", number, header.name))

	if tvb:len() >= at + header.checksum_at + 2 then
		show_checksum(tvb, ip_at, header, number, subtree)
	end
	-- What is above, as HTTP, keeps its name.
	if tostring(pinfo.cols.protocol) == header.name then
		pinfo.cols.protocol = "TEACH"
	end
end

local ip_proto = Field.new("ip.proto")

-- Called with each packet, when the dissectors are done with it.  The number
-- of the protocol is in the tenth byte of an IP header.
function teach.dissector(_, pinfo, tree)
	for _, field in ipairs({ ip_proto() }) do
		if headers[field.value] then
			dissect(field.source, field.offset - 9, field.value,
				pinfo, tree)
		end
	end
end

register_postdissector(teach)
