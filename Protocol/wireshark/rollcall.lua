-- Rollcall for Wireshark and tshark 4.0 and newer: frames, what they inflate to, every message and column of
-- SPEC.md, and what is wrong with them. Needs nothing but Lua; see README.md beside this file.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
-- Both files share one table.
rollcallBytes = dofile(here .. "rollcall_bytes.lua")
local Rows = dofile(here .. "rollcall_rows.lua")
local bytes = rollcallBytes
rollcallBytes = nil
local fail, U0, LIMIT62, negative, number, signed =
    bytes.fail, bytes.U0, bytes.LIMIT62, bytes.negative, bytes.number, bytes.signed
local reader, utf8, time, hex, word, integer =
    bytes.reader, bytes.utf8, bytes.time, bytes.hex, bytes.word, bytes.integer
local shown, inflate, crc32 =
    bytes.shown, bytes.inflate, bytes.crc32
local indexes, integers = Rows.indexes, Rows.integers

local rollcall = Proto("rollcall", "Rollcall")
local F = rollcall.fields
F.frame = ProtoField.string("rollcall.frame", "Frame")
F.type = ProtoField.uint8("rollcall.type", "Type")
F.flags = ProtoField.uint8("rollcall.flags", "Flags", base.HEX)
F.check = ProtoField.uint16("rollcall.check", "Header check", base.HEX)
F.length = ProtoField.uint32("rollcall.length", "Payload length")
F.inflated = ProtoField.uint32("rollcall.inflated", "Inflated length")
F.crc = ProtoField.uint32("rollcall.crc", "CRC-32 of the inflated payload", base.HEX)
F.payload = ProtoField.bytes("rollcall.payload", "Payload")
F.lowest = ProtoField.uint16("rollcall.lowest", "Lowest version")
F.highest = ProtoField.uint16("rollcall.highest", "Highest version")
F.field = ProtoField.string("rollcall.field", "Field")
F.origin = ProtoField.string("rollcall.origin", "Origin")
F.code = ProtoField.uint16("rollcall.code", "Code")
F.versions = ProtoField.uint32("rollcall.versions", "Versions")
F.form = ProtoField.string("rollcall.form", "Form")
F.error = ProtoField.string("rollcall.error", "Error")
local wrong = ProtoExpert.new("rollcall.wrong", "Breaks the protocol", expert.group.PROTOCOL, expert.severity.ERROR)
rollcall.experts = { wrong }
rollcall.prefs.port = Pref.uint("TCP port in the clear", 0, "Of tests without TLS; 0 for none")
bytes.fields.field, bytes.fields.form = F.field, F.form

-- Sections 4 to 6 and 15: messages ------------------------------------------------------------------------------

local read = {}

function read.u8(r) return tostring(r:u8()) end
function read.flag(r)
    local v = r:u8()
    if v > 1 then fail(100, "a flag is 0 or 1") end
    return v == 1 and "yes" or "no"
end
function read.word(r) return word(r:word()) end
function read.origin(r)
    local v = r:word()
    if v == U0 then fail(100, "0 names no origin") end
    return word(v)
end
function read.varint(r) return tostring(r:wide()) end
function read.u32(r) return tostring(r:varint(4294967296)) end
function read.zigzag(r) return integer(r:zigzag()) end
function read.day(r)
    local v = r:zigzag()
    local n = signed(v)
    if n < -2147483648 or n > 2147483647 then fail(100, "no day of 32 bits") end
    return tostring(n)
end
function read.time(r)
    local v = time(r:zigzag())
    local seconds = math.floor(signed(v) / 1000)
    local plain = seconds >= 0 and seconds < 4102444800 and os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
    return integer(v) .. (plain and " (" .. plain .. ")" or "")
end
function read.digest(r) return hex(r:take(32)) end
function read.token(r) return hex(r:take(16)) end
function read.sequence(r, least)
    local v = r:wide()
    if v > LIMIT62 then fail(107, "a sequence above its limit") end
    if least and v < UInt64(least) then fail(100, "versions are counted from 1") end
    return tostring(v)
end
function read.text(r, limit, least)
    local raw = r:counted(limit)
    if #raw < (least or 0) then fail(100, "an empty text") end
    return shown(utf8(raw))
end
function read.counted(r, limit) return #r:counted(limit) .. " bytes" end
function read.signature(r)
    local raw = r:counted(64)
    if #raw ~= 0 and #raw ~= 64 then fail(100, "a signature is 64 bytes, or none") end
    return hex(raw)
end
function read.choice(r, first, last)
    local v = r:u8()
    if v < first or v > last then fail(100, "a byte that means nothing here") end
    return tostring(v)
end
function read.below(r, limit) return tostring(r:varint(limit)) end

local RECEIPT = { { "origin", "origin" }, { "sequence", "sequence" }, { "digest", "head" }, { "time", "time" },
    { "signature", "signature" } }
local TOKEN = { { "token", "epoch" }, { "varint", "position" }, { "varint", "step" }, { "word", "hash" } }
local BACKLOG = { { "varint", "count" }, { "varint", "oldest age" } }
local REFUSE = { { "code", "code" }, { "u32", "retry after" }, { "text", "words", 1024 } }
local CAPABILITIES = { "list", "capability", 64, { { "text", "name", 64 } } }
local SETTINGS = { "counted", "settings", 65536 }

local SHAPES = {
    [1] = { { "token", "secret" }, { "token", "replica" }, { "text", "label", 64 }, { "time", "clock" } },
    [2] = { { "choice", "state", 1, 2 }, { "below", "confirmation", 1000000 }, { "text", "unit", 512 },
        { "text", "unit's name", 1024 }, { "text", "hub's name", 1024 }, { "time", "clock" }, SETTINGS },
    [3] = { { "token", "replica" },
        { "list", "origin", 448, { { "choice", "lane", 0, 3 }, { "token", "nonce" }, { "sequence", "last" },
            { "word", "head" }, { "sequence", "receipted" } } },
        { "closed" }, CAPABILITIES, { "list", "dictionary", 16, { { "u32", "id" } } }, { "time", "clock" },
        { "token", "session token" }, { "token", "its epoch" }, { "all", TOKEN }, { "all", BACKLOG },
        { "all", BACKLOG }, { "text", "program", 64 }, { "word", "settings" } },
    [4] = { { "token", "epoch" }, { "token", "session token" }, { "flag", "token unknown" },
        { "list", "held", 448, { { "origin", "origin" }, { "sequence", "sequence" }, { "digest", "head" },
            { "optional", "receipt", RECEIPT }, { "sequence", "backed up" } } },
        { "u32", "urgent window" }, { "u32", "routine window" }, { "u32", "largest batch" }, { "time", "clock" },
        CAPABILITIES, { "u32", "dictionary" }, SETTINGS },
    [5] = REFUSE,
    [17] = { { "list", "receipt", 448, RECEIPT }, { "varint", "position" } },
    [19] = TOKEN,
    [20] = { { "varint", "position" }, { "varint", "count" }, { "word", "sum" } },
    [21] = { { "origin", "origin" },
        { "list", "entry", 64, { { "sequence", "sequence" }, { "optional", "told", { { "digest", "head" } } } } } },
    [22] = { { "origin", "origin" }, { "sequence", "sequence" }, { "digest", "head" } },
    [23] = { { "origin", "origin" }, { "sequence", "sequence wanted" } },
    [24] = { { "flag", "answer" }, { "word", "token" } },
    [25] = REFUSE,
    [28] = { { "sequence", "sequence" }, { "digest", "head" }, { "all", RECEIPT }, { "token", "receipt's epoch" } },
}
local FEED = { { "choice", "lane", 0, 1 }, { "all", TOKEN },
    { "list", "form", 8192, { { "counted", "definition", 262144 } } }, SETTINGS, { "scopes" },
    { "list", "verdict", 8192, { { "origin", "origin" }, { "sequence", "sequence", 1 }, { "choice", "kind", 1, 4 },
        { "below", "field", 65536 }, { "text", "reason", 64 } } } }
local NAMES = { [1] = "Join", [2] = "Joined", [3] = "Hello", [4] = "Welcome", [5] = "Refuse", [16] = "Batch",
    [17] = "Receipt", [18] = "Feed", [19] = "FeedAck", [20] = "Mark", [21] = "Heads", [22] = "Fork", [23] = "Gap",
    [24] = "Ping", [25] = "Close", [26] = "Ask", [27] = "Tally", [28] = "Hole" }

local shape

local function scopes(r)
    for i = 1, r:count(8192) do
        local from = r.at
        local kind = read.choice(r, 1, 2)
        local subject, id = read.text(r, 64), read.text(r, 512)
        local last
        for _ = 1, r:count(256) do
            local first = tonumber(read.day(r))
            local until_ = first + r:varint()
            if until_ > 2147483647 then fail(100, "past the last day") end
            if last and first <= last then fail(100, "stretches of days ascend, and are apart") end
            last = until_
        end
        if kind == "1" and last then fail(100, "only a leave keeps days") end
        r:note(from, "scope " .. i, (kind == "1" and "enter " or "leave ") .. subject .. " " .. id)
    end
end

function shape(r, fields, prefix, closed)
    for _, field in ipairs(fields) do
        local how, name = field[1], field[2]
        if how == "list" then
            local count = r:count(field[3])
            for i = 1, count do shape(r, field[4], prefix .. name .. " " .. i .. " ", closed) end
        elseif how == "optional" then
            local from = r.at
            local there = read.flag(r)
            r:note(from, prefix .. name, there)
            if there == "yes" then shape(r, field[3], prefix .. name .. " ", closed) end
        elseif how == "all" then shape(r, name, prefix, closed)
        elseif how == "closed" then
            if closed.count > 64 then fail(107, "too many closed origins") end
        elseif how == "scopes" then scopes(r)
        else
            local from = r.at
            local value = how == "code" and read.below(r, 65536) or read[how](r, field[3], field[4])
            if name == "lane" and tonumber(value) > 1 then closed.count = closed.count + 1 end
            if name == "id" and value == "1" then closed.dictionary = true end
            r:note(from, prefix .. name, value)
            if r.tree and how == "code" then
                r.tree:add(F.code, r.tvb(from - 1, r.at - from), tonumber(value))
            end
            if r.tree and how == "origin" then r.tree:add(F.origin, r.tvb(from - 1, r.at - from), value) end
        end
    end
end

local function batch(r)
    local from = r.at
    local origin, first = read.origin(r), r:wide()
    local count = r:varint()
    if first > LIMIT62 or count > 8192 then fail(107, "a batch above its limit") end
    if first == U0 or count == 0 then fail(100, "a batch of nothing, or from 0 on") end
    if first + UInt64(count - 1) > LIMIT62 then fail(107, "a sequence above its limit") end
    r:note(from, "stretch", origin .. "/" .. tostring(first) .. ", versions " .. count)
    if r.tree then
        r.tree:add(F.origin, r.tvb(from - 1, 8), origin)
        r.tree:add(F.versions, r.tvb(from - 1, r.at - from), count)
    end
    shape(r, { { "word", "before" }, { "word", "after" } }, "", {})
    local seen = {}
    for i = 1, r:count(256) do
        from = r.at
        local day = read.day(r) .. "/" .. r:u8()
        r:take(16)
        if seen[day] then fail(100, "a day and class with two salts") end
        seen[day] = true
        r:note(from, "salt " .. i, "day/class " .. day)
    end
    local last = -1
    for i = 1, r:count(256) do
        from = r.at
        local past = r:varint()
        if past <= last or past >= count then fail(100, "seals ascend, and lie in the batch") end
        last = past
        if #read.signature(r) ~= 128 then fail(100, "a seal is 64 bytes") end
        r:note(from, "seal " .. i, "at " .. tostring(first + UInt64(past)))
    end
    Rows.read(r, count, false)
    return origin .. "/" .. tostring(first) .. "+" .. count
end

local function feed(r)
    shape(r, FEED, "", {})
    local from, before = r.at, U0
    local origins = r:count(8192)
    for _ = 1, origins do
        local v = r:word()
        if v <= before then fail(100, "origins ascend without repeats") end
        before = v
    end
    local count = r:varint()
    if count > 8192 then fail(107, "too many versions") end
    indexes(r, count, origins)
    local sequences = integers(r, count)
    for i = 1, count do
        if negative(sequences[i]) or sequences[i] == U0 then fail(100, "versions are counted from 1") end
        if sequences[i] > LIMIT62 then fail(107, "a sequence above its limit") end
    end
    r:note(from, "dots", count .. " of " .. origins .. " origins")
    Rows.read(r, count, true)
    return count .. " versions"
end

local function optionalDay(r) if read.flag(r) == "yes" then return read.day(r) end return "-" end

local function path(r)
    local level = r:u8()
    if level > 4 then fail(100, "no such level") end
    local p = { level = level }
    if level == 0 then
        p.text = "all"
        return p
    end
    p.text = level .. " " .. read.text(r, 64, 1)
    if level == 1 then p.period = tonumber(read.day(r)) end
    if level > 1 then p.text = p.text .. " " .. optionalDay(r) end
    if level > 2 then p.text = p.text .. " " .. read.text(r, 512) end
    if level == 4 then
        local depth = tonumber(read.choice(r, 1, 10))
        local prefix = r:wide()
        p.depth = depth
        if prefix:rshift(6 * depth) ~= U0 then fail(100, "a prefix of more bits than its depth") end
        p.text = p.text .. " " .. depth .. " " .. word(prefix)
    elseif level == 1 then
        p.text = p.text .. " " .. p.period
    end
    return p
end

local function ask(r)
    shape(r, { { "varint", "position" },
        { "list", "own", 512, { { "origin", "origin" }, { "sequence", "sequence" } } } }, "", {})
    local paths, seen = r:count(32), {}
    if paths == 0 then fail(100, "too few entries") end
    for i = 1, paths do
        local from = r.at
        local p = path(r)
        if seen[p.text] or p.level == 0 and paths > 1 then fail(100, "each path once, and all only by itself") end
        seen[p.text] = true
        r:note(from, "path " .. i, p.text)
    end
end

local function tally(r)
    shape(r, { { "varint", "position" }, { "day", "today" } }, "", {})
    local total = 0
    for i = 1, r:count(32) do
        local from = r.at
        local p = path(r)
        read.flag(r)
        local isRecords = read.choice(r, 0, 1) == "1"
        local count = r:count(isRecords and 64 or 4096)
        total = total + count
        if total > 4096 then fail(107, "too many groups and records") end
        r:note(from, "part " .. i, p.text .. (isRecords and ", records " or ", groups ") .. count)
        for _ = 1, count do
            if isRecords then
                r:counted(512)
                r:word()
                if r:u8() > 3 then fail(100, "an unknown mark of a record") end
            else
                if p.level == 0 then
                    read.text(r, 64, 1)
                    optionalDay(r)
                elseif p.level == 1 then
                    if math.floor(tonumber(read.day(r)) / 32) ~= p.period then fail(100, "a day of another period") end
                elseif p.level == 2 then read.text(r, 512)
                else
                    read.choice(r, 0, 63)
                    if p.depth == 10 then fail(100, "a bucket below the last") end
                end
                r:wide()
                r:word()
                r:wide()
            end
        end
    end
end

local SPECIAL = { [16] = batch, [18] = feed, [26] = ask, [27] = tally }

-- What to say of a message, and whether it lists the preset dictionary.
local function message(kind, r)
    local said, facts = "", { count = 0 }
    if SPECIAL[kind] then said = SPECIAL[kind](r) or ""
    elseif SHAPES[kind] then shape(r, SHAPES[kind], "", facts)
    else return "" end
    if r:left() > 0 then fail(100, "bytes are left over") end
    return said, facts.dictionary
end

-- Frames of a connection ------------------------------------------------------------------------------------------

local directions, known, streams, memories = {}, {}, {}, {}
function rollcall.init() directions, known, streams, memories = {}, {}, {}, {} end

local tcpStream = Field.new("tcp.stream")

local function place(pinfo)
    local number = tcpStream()
    local stream = number and tostring(number.value) or "0"
    return stream, stream .. " " .. tostring(pinfo.src) .. " " .. pinfo.src_port
end

local function big(data, from)
    local a, b, c, d = data:byte(from, from + 3)
    return ((a * 256 + b) * 256 + c) * 256 + d
end

-- The bytes that streams begin with: beside this file, or where the repository has them.
local preset
local function presetDictionary()
    if preset then return preset end
    local file = io.open(here .. "dictionary-1.bin", "rb") or io.open(here .. "../dictionary/dictionary-1.bin", "rb")
    if not file then fail(103, "dictionary-1.bin is not beside rollcall.lua") end
    preset = file:read("*a")
    file:close()
    return preset
end

local function begunStream(state)
    local window = {}
    if state.dictionary then
        local first = presetDictionary()
        for i = 1, #first do window[i] = first:byte(i) end
    end
    return window
end

-- What is wrong with a header alone: nothing behind it is waited for then.
local function checkHeader(header, stream, direction)
    local flags, length, inflated = header:byte(2), big(header, 5), big(header, 9)
    if header:byte(3) * 256 + header:byte(4) ~= crc32(header:sub(1, 2) .. header:sub(5)) % 65536 then
        fail(102, "the header's check does not hold")
    end
    local state = streams[stream] or {}
    local isInStream, isFresh = math.floor(flags / 2) % 2 == 1, math.floor(flags / 4) % 2 == 1
    if state.greeted and not state.welcomed then
        if isInStream and state.greeter ~= direction then fail(106, "in-stream before Hello or Welcome") end
        if length > 32767 then fail(101, "too long before Welcome") end
    end
    if length > 1048576 then fail(101, "a payload above its limit") end
    if inflated > 4194304 then fail(104, "an inflated length above its limit") end
    if isInStream then
        if inflated > 1040 * (length + 8) then fail(104, "more than deflate can grow") end
    elseif length ~= inflated or isFresh then
        fail(100, "a plain frame of two lengths, or with fresh-context")
    end
end

-- What a frame inflates to; the same again when it is looked at again.
local function payloadOf(header, data, stream, direction)
    checkHeader(header, stream, direction)
    local kind, flags, inflated, crc = header:byte(1), header:byte(2), big(header, 9), big(header, 13)
    local state = streams[stream] or {}
    local isInStream, isFresh = math.floor(flags / 2) % 2 == 1, math.floor(flags / 4) % 2 == 1
    local payload = data
    if isInStream then
        if isFresh then
            directions[direction] = begunStream(state)
            memories[direction] = { columns = {}, count = 0, left = 131072, shapes = {} }
        end
        if not directions[direction] then fail(103, "no stream was begun") end
        payload = inflate(directions[direction], data, inflated)
    end
    if crc32(payload) ~= crc then fail(102, "the checksum does not hold") end
    if kind == 4 then state.welcomed = true end
    streams[stream] = state
    if not NAMES[kind] and flags % 2 == 1 then fail(105, "an unknown critical type") end
    return payload
end

local function report(tree, tvb, problem, pinfo)
    local text = type(problem) == "table" and problem.code .. ": " .. problem.words or tostring(problem)
    tree:add(F.error, tvb(), text)
    tree:add_tvb_expert_info(wrong, tvb(), text)
    pinfo.cols.info:append(" [!! " .. text .. "]")
end

local function preamble(tvb, pinfo, tree, stream)
    local item = tree:add(rollcall, tvb(), "Rollcall preamble")
    item:add(F.frame, tvb(0, 8), "preamble")
    item:add(F.lowest, tvb(8, 2))
    item:add(F.highest, tvb(10, 2))
    streams[stream] = streams[stream] or {}
    streams[stream].greeted = true
    local lowest, highest = tvb(8, 2):uint(), tvb(10, 2):uint()
    pinfo.cols.info:append(" preamble")
    if lowest < 1 or lowest > highest then report(item, tvb, { code = 110, words = "no range of versions" }, pinfo)
    elseif lowest > 1 then report(item, tvb, { code = 112, words = "too new for this dissector" }, pinfo) end
end

local function frame(tvb, pinfo, tree)
    local stream, direction = place(pinfo)
    pinfo.cols.protocol = "Rollcall"
    if tvb:len() >= 12 and tvb:raw(0, 8) == "ROLLCALL" then
        preamble(tvb, pinfo, tree, stream)
        return tvb:len()
    end
    local item = tree:add(rollcall, tvb(), "Rollcall")
    if known[direction .. " broken"] and known[direction .. " broken"] < pinfo.number then
        item:append_text(" (behind an error: nothing of it is read)")
        return tvb:len()
    end
    if tvb:len() < 16 then
        report(item, tvb, { code = 110, words = "not Rollcall" }, pinfo)
        return tvb:len()
    end
    local kind = tvb(0, 1):uint()
    local name = NAMES[kind] or "type " .. kind
    item:set_text("Rollcall " .. name)
    item:add(F.frame, tvb(0, 16), name)
    item:add(F.type, tvb(0, 1))
    local flags = item:add(F.flags, tvb(1, 1))
    local bits = tvb(1, 1):uint()
    for bit, word in ipairs({ " critical", " in-stream", " fresh-context" }) do
        if math.floor(bits / 2 ^ (bit - 1)) % 2 == 1 then flags:append_text(word) end
    end
    item:add(F.check, tvb(2, 2))
    item:add(F.length, tvb(4, 4))
    item:add(F.inflated, tvb(8, 4))
    item:add(F.crc, tvb(12, 4))
    pinfo.cols.info:append(" " .. name)
    local header = tvb:raw(0, 16)
    local data = tvb:len() > 16 and tvb:raw(16) or ""
    local key = direction .. " " .. pinfo.number .. " " .. header
    if not known[key] then
        local holds, result = pcall(payloadOf, header, data, stream, direction)
        known[key] = { holds = holds, result = result }
    end
    local found = known[key]
    if not found.holds then
        report(item, tvb, found.result, pinfo)
        known[direction .. " broken"] = pinfo.number
        return tvb:len()
    end
    local inside, part = item, nil
    if math.floor(bits / 2) % 2 == 1 and #found.result > 0 then
        part = ByteArray.new(found.result, true):tvb("Rollcall, inflated")
        item:add(F.payload, tvb(16))
        inside = item:add(rollcall, part(), "Inflated")
    elseif tvb:len() > 16 then
        part = tvb(16):tvb()
    end
    local r = reader(found.result, part, part and inside)
    if kind == 16 and math.floor(bits / 2) % 2 == 1 then
        r.memory, r.columns, r.seen = memories[direction], found.columns or {}, found.columns and 0
        found.columns = r.columns
    end
    local holds, said, listsDictionary = pcall(message, kind, r)
    if holds then
        if kind == 3 then
            streams[stream].greeter, streams[stream].dictionary = direction, listsDictionary
        end
        if said ~= "" then pinfo.cols.info:append(" " .. said) end
    else
        report(item, tvb, said, pinfo)
        known[direction .. " broken"] = pinfo.number
    end
    return tvb:len()
end

local function length(tvb, pinfo, offset)
    local left = tvb:len() - offset
    if tvb:raw(offset, 8) == "ROLLCALL" then return 12 end
    if left < 16 then return NAMES[tvb(offset, 1):uint()] and 16 or left end
    local stream, direction = place(pinfo)
    if not pcall(checkHeader, tvb:raw(offset, 16), stream, direction) then return left end
    return 16 + tvb(offset + 4, 4):uint()
end

function rollcall.dissector(tvb, pinfo, tree)
    pinfo.cols.info:clear()
    dissect_tcp_pdus(tvb, tree, 8, length, frame)
    return tvb:len()
end

local port = 0
function rollcall.prefs_changed()
    local ports = DissectorTable.get("tcp.port")
    if port > 0 then ports:remove(port, rollcall) end
    port = rollcall.prefs.port
    if port > 0 then ports:add(port, rollcall) end
end

DissectorTable.get("tcp.port"):add_for_decode_as(rollcall)
local alpn = DissectorTable.get("tls.alpn")
if alpn then alpn:add("rollcall", rollcall) end
