-- Rows: versions as columns, SPEC.md, section 7, for rollcall.lua beside this file.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local bytes = rollcallBytes or dofile(here .. "rollcall_bytes.lua")
local fail, U0, LIMIT62, negative, number, signed =
    bytes.fail, bytes.U0, bytes.LIMIT62, bytes.negative, bytes.number, bytes.signed
local reader, utf8, time, word, integer, shown =
    bytes.reader, bytes.utf8, bytes.time, bytes.word, bytes.integer, bytes.shown
local fields =
    bytes.fields

-- Section 7: rows ---------------------------------------------------------------------------------------------

local Rows = {}

local function runs(r, count, value)
    local out = {}
    while #out < count do
        local item, length = value(), r:varint() + 1
        if length > count - #out then fail(100, "a run past the end") end
        for _ = 1, length do out[#out + 1] = item end
    end
    return out
end

local function factor(r)
    local v = r:wide()
    if v == U0 or v > LIMIT62 then fail(100, "a factor is 1 to 2^62") end
    return v
end

-- Numbers of so many bits each, lowest bit first, as 64-bit words.
local function packed(r, count)
    local width = r:u8()
    if width < 1 or width > 56 then fail(100, "packed numbers have 1 to 56 bits") end
    local raw, out, bit = r:take(math.ceil(count * width / 8)), {}, 0
    local function nextBit()
        local byte = raw:byte(math.floor(bit / 8) + 1)
        bit = bit + 1
        return math.floor(byte / 2 ^ ((bit - 1) % 8)) % 2
    end
    for i = 1, count do
        local low, high = 0, 0
        for place = 0, width - 1 do
            if place < 32 then low = low + nextBit() * 2 ^ place else high = high + nextBit() * 2 ^ (place - 32) end
        end
        out[i] = UInt64(low, high)
    end
    while bit < #raw * 8 do
        if nextBit() ~= 0 then fail(100, "bits behind the last number") end
    end
    return out
end

-- 64-bit words; what they mean with a sign is for who asks.
local function integers(r, count, reference)
    if count == 0 then return {} end
    local id = r:u8()
    local out = {}
    if id == 5 and reference then
        out = integers(r, count)
        for i = 1, count do out[i] = out[i] + reference[i] end
        return out
    end
    if id == 0 then
        local v = r:zigzag()
        for i = 1, count do out[i] = v end
    elseif id == 1 then
        local least, step = r:zigzag(), factor(r)
        for i = 1, count do out[i] = least + step * r:wide() end
    elseif id == 2 then
        local v, step = r:zigzag(), factor(r)
        out[1] = v
        for i = 2, count do
            v = v + step * r:zigzag()
            out[i] = v
        end
    elseif id == 3 then
        local v = U0
        return runs(r, count, function()
            v = v + r:zigzag()
            return v
        end)
    elseif id == 4 then
        local least, step, width = r:zigzag(), factor(r), r:u8()
        if width < 1 or width > 8 then fail(100, "planes are 1 to 8 bytes wide") end
        local low, high = {}, {}
        for i = 1, count do low[i], high[i] = 0, 0 end
        for plane = 0, width - 1 do
            local bytes = r:take(count)
            for i = 1, count do
                local byte = bytes:byte(i)
                if plane < 4 then low[i] = low[i] + byte * 256 ^ plane
                else high[i] = high[i] + byte * 256 ^ (plane - 4) end
            end
        end
        for i = 1, count do out[i] = least + step * UInt64(low[i], high[i]) end
    elseif id == 6 then
        local least, step = r:zigzag(), factor(r)
        out = packed(r, count)
        for i = 1, count do out[i] = least + step * out[i] end
    elseif id == 7 then
        local v, step, least = r:zigzag(), factor(r), r:zigzag()
        out[1] = v
        for i, more in ipairs(packed(r, count - 1)) do
            v = v + step * (least + more)
            out[i + 1] = v
        end
    else
        fail(100, "no such encoding of integers, or nothing to differ from")
    end
    return out
end

local function bytesOf(r, count)
    if count == 0 then return {} end
    local id, out = r:u8(), {}
    if id == 0 then
        local v = r:u8()
        for i = 1, count do out[i] = v end
    elseif id == 1 then
        local raw = r:take(count)
        for i = 1, count do out[i] = raw:byte(i) end
    elseif id == 2 then
        return runs(r, count, function() return r:u8() end)
    else
        fail(100, "no such encoding of bytes")
    end
    return out
end

local function indexes(r, count, below)
    if count == 0 then return {} end
    local id, out = r:u8(), {}
    if id == 0 then
        local v = r:varint()
        for i = 1, count do out[i] = v end
    elseif id == 1 then
        local raw = r:take(count)
        for i = 1, count do out[i] = raw:byte(i) end
    elseif id == 2 then
        out = runs(r, count, function() return r:varint() end)
    elseif id == 3 then
        local low, high = r:take(count), r:take(count)
        for i = 1, count do out[i] = low:byte(i) + 256 * high:byte(i) end
    elseif id == 4 then
        out = packed(r, count)
        for i = 1, count do out[i] = number(out[i]) end
    else
        fail(100, "no such encoding of indexes")
    end
    for i = 1, count do
        if below and out[i] >= below then fail(100, "an index past the end") end
    end
    return out
end

local function use(room, count)
    room.left = room.left - count
    if room.left < 0 then fail(107, "too much text in one rows part") end
end

local function entries(r, count)
    local lengths, out = integers(r, count), {}
    for i = 1, count do
        if negative(lengths[i]) then fail(100, "a negative length") end
        if number(lengths[i]) > 65535 then fail(107, "an entry above its limit") end
    end
    for i = 1, count do out[i] = r:take(number(lengths[i])) end
    return out
end

local function dictionary(r, most, room)
    local count = r:varint()
    if count > most then fail(100, "a dictionary of more entries than rows") end
    if count == 0 then return {} end
    local id = r:u8()
    if id == 0 then return entries(r, count) end
    if id ~= 1 then fail(100, "no such encoding of a dictionary") end
    local radix, digits = r:u8(), r:u8()
    if radix ~= 10 and radix ~= 16 or digits < 1 or digits > (radix == 10 and 18 or 15) then
        fail(100, "no such base, or no such number of digits")
    end
    local prefix, exceptions = r:counted(512), r:varint()
    if exceptions > count then fail(100, "more exceptions than entries") end
    use(room, (count - exceptions) * (#prefix + digits))
    local places, out, before = integers(r, exceptions), {}, -1
    for i = 1, exceptions do
        local place = signed(places[i])
        if place <= before or place >= count then fail(100, "the places of exceptions ascend, and are there") end
        before = place
    end
    local own = entries(r, exceptions)
    for i = 1, exceptions do out[number(places[i]) + 1] = own[i] end
    local numbers, next = integers(r, count - exceptions), 1
    local limit = UInt64(1)
    for _ = 1, digits do limit = limit * UInt64(radix) end
    for i = 1, count do
        if not out[i] then
            local v = numbers[next]
            next = next + 1
            if negative(v) or v >= limit then fail(100, "a number of more digits") end
            local text = radix == 10 and tostring(v) or word(v):gsub("^0+", "")
            out[i] = prefix .. ("0"):rep(digits - #text) .. text
        end
    end
    return out
end

local function content(kind, raw)
    if kind == 3 then return utf8(raw) end
    local r, items = reader(raw), {}
    for _ = 1, r:count(65535) do items[#items + 1] = utf8(r:counted(65535)) end
    if r:left() > 0 then fail(100, "bytes are left over") end
    return table.concat(items, ";")
end

-- What a stream remembers: section 7. A column that is beyond its bounds keeps nothing.
local function remembered(memory, name)
    local found = memory.columns[name]
    if found then return found end
    found = { name = name, entries = {}, last = {}, kept = memory.count < 64 }
    if found.kept then
        memory.columns[name] = found
        memory.count = memory.count + 1
    end
    return found
end

local function remember(memory, column, entries, from)
    for i = from, #entries do
        local cost = #entries[i] + 8
        if not column.kept or #column.entries >= 2048 or cost > memory.left then return end
        memory.left = memory.left - cost
        column.entries[#column.entries + 1] = entries[i]
    end
end

local function together(one, other)
    local out = {}
    for i = 1, #one do out[i] = one[i] end
    for i = 1, #other do out[#one + i] = other[i] end
    return out
end

-- A key column whose entries the stream knows in part.
local function recalled(r, kind, rows, room, place)
    local memory = r.memory
    local column = remembered(memory, place.form .. "\0" .. place.number .. " " .. kind)
    local known, own = #column.entries, dictionary(r, #rows, room)
    local all = together(column.entries, own)
    local numbers, names, come, used = indexes(r, #rows, #all), {}, 0, {}
    for i = 1, #rows do
        local n = numbers[i]
        if names[n] == nil then
            used[#used + 1] = n
            names[n] = n
            if n < known then
                use(room, #all[n + 1])
                names[n], come = come - 8192, come + 1
            end
        end
    end
    for i = known, #all - 1 do
        if names[i] == nil then fail(100, "an own entry that does not come up") end
    end
    for i = 1, #own do content(kind, own[i]) end
    remember(memory, column, own, 1)
    local result = { kind = kind, contents = {}, numbers = {}, recall = { column = column, numbers = {} } }
    for i = 1, #rows do
        result.numbers[i] = names[numbers[i]]
        result.contents[i] = content(kind, all[numbers[i] + 1])
    end
    for _, n in ipairs(used) do
        if n < #column.entries then result.recall.numbers[names[n]] = n end
    end
    return result
end

-- A frame that is looked at again gives what it gave: the stream has gone on since.
local function again(r, id, rows, room)
    if id == 4 then r:u8(); r:u8() end
    if id < 5 then
        dictionary(r, #rows, room)
        indexes(r, #rows)
    end
    r.seen = r.seen + 1
    return r.columns[r.seen]
end

local followed

local function texts(r, kind, rows, keys, room, place)
    if #rows == 0 then return { kind = kind, contents = {}, numbers = {} } end
    local id = r:u8()
    local column = { kind = kind, contents = {}, numbers = {} }
    if id < 2 then
        local own = dictionary(r, #rows, room)
        for i = 1, #own do own[i] = content(kind, own[i]) end
        column.numbers = indexes(r, #rows, #own)
        for i = 1, #rows do column.contents[i] = own[column.numbers[i] + 1] end
        return column
    end
    if id > 5 or id > 2 and not r.columns then fail(100, "no such encoding of texts here") end
    if id > 2 and r.seen then return again(r, id, rows, room) end
    if id == 3 and not place.isKey then fail(100, "only keys are recalled") end
    column = id == 3 and recalled(r, kind, rows, room, place) or 
        followed(r, kind, rows, keys, room, id > 2 and place, id == 5)
    if id > 2 then r.columns[#r.columns + 1] = column end
    return column
end

-- A column that goes by a key; with `place` it goes on with what the stream remembers, and an unchanged one with
-- nothing else.
function followed(r, kind, rows, keys, room, place, isUnchanged)
    local column = { kind = kind, contents = {}, numbers = {} }
    local number, mode = 0, 0
    if isUnchanged then
        while keys[number + 1] ~= nil and not (keys[number + 1] and keys[number + 1].recall) do number = number + 1 end
    else
        number, mode = r:u8(), r:u8()
    end
    local key = keys[number + 1]
    if not key or mode > 2 then fail(100, "no key to follow, or no such mode") end
    if mode == 1 and not (kind == 3 and key.kind == 3) then fail(100, "only a text's own text can be copied") end
    if place and not key.recall then fail(100, "the key is not recalled") end
    local memory = { entries = {}, last = {} }
    if place then
        local lead = key.recall.column
        memory = { entries = {}, last = {}, kept = false }
        if lead.kept then
            local name = lead.name .. "\0" .. place.number .. " " .. tostring(place.isKey) .. " " .. kind
            memory = remembered(r.memory, name)
        end
    end
    local own = isUnchanged and {} or dictionary(r, #rows, room)
    for i = 1, #own do content(kind, own[i]) end
    local known = #memory.entries
    local codes, came, last, firsts, used = {}, together(memory.entries, {}), {}, {}, 0
    if isUnchanged then for i = 1, #rows do codes[i] = 0 end else codes = indexes(r, #rows) end
    for name, n in pairs(place and key.recall.numbers or {}) do last[name] = memory.last[n] end
    if mode == 2 then
        local begins, wanted = {}, {}
        for i = 1, #rows do
            local followed = key.numbers[rows[i]]
            if begins[followed] == nil then
                begins[followed] = codes[i]
                if codes[i] == 0 and not last[followed] then wanted[#wanted + 1] = followed end
            end
        end
        table.sort(wanted)
        if #wanted > #own then fail(100, "fewer own entries than keys that begin with one") end
        for i, followed in ipairs(wanted) do firsts[followed] = i end
        used = #wanted
    end
    for i = 1, #rows do
        local followed, c, entry = key.numbers[rows[i]], codes[i], nil
        if c == 0 and last[followed] then entry = last[followed]
        elseif c == 0 and mode == 1 then
            use(room, #key.contents[rows[i]])
            came[#came + 1] = key.contents[rows[i]]
            entry = #came
        elseif c == 0 and firsts[followed] then
            came[#came + 1] = own[firsts[followed]]
            entry = #came
        elseif c == 1 and used < #own then
            used = used + 1
            came[#came + 1] = own[used]
            entry = #came
        elseif c >= 2 and c < 2 + #came then entry = c - 1
        else fail(100, "a code that names nothing") end
        last[followed] = entry
        column.numbers[i], column.contents[i] = entry, content(kind, came[entry])
    end
    if used < #own then fail(100, "an own entry that does not come up") end
    local spent = {}
    for i = 1, #rows do
        local entry = column.numbers[i]
        if entry <= known and not spent[entry] then use(room, #came[entry]) end
        spent[entry] = true
    end
    if place then
        remember(r.memory, memory, came, known + 1)
        for name, n in pairs(key.recall.numbers) do
            memory.last[n] = last[name] and last[name] <= #memory.entries and last[name] or nil
        end
    end
    return column
end

local KINDS = { "integer", "decimal", "text", "list" }

local function list(values)
    local out = {}
    for i = 1, math.min(#values, 12) do out[i] = shown(tostring(values[i])) end
    return table.concat(out, ", ") .. (#values > 12 and ", ..." or "")
end

local function kindOf(r)
    local kind = r:u8()
    if kind < 1 or kind > 4 then fail(100, "kinds are 1 to 4") end
    local scale = kind == 2 and r:u8() or 0
    if scale > 18 then fail(100, "a scale above 18") end
    return kind, scale
end

local function values(r, kind, rows, keys, room, place)
    if kind >= 3 then
        local column = texts(r, kind, rows, keys, room, place)
        return column.contents, column
    end
    local found = integers(r, #rows)
    for i = 1, #found do found[i] = integer(found[i]) end
    return found, false
end

function Rows.contexts(r, count, rewritten)
    local from, origins = r.at, r:varint()
    if origins > 65536 + rewritten then fail(107, "too many origins") end
    if origins * 8 > r:left() then fail(100, "more origins than bytes") end
    local tableOf, before = {}, U0
    for i = 1, origins do
        tableOf[i] = r:word()
        if tableOf[i] <= before then fail(100, "origins ascend without repeats, and none is 0") end
        before = tableOf[i]
    end
    local contexts = r:varint()
    if contexts > 8192 then fail(107, "too many contexts") end
    if contexts > count then fail(100, "more contexts than rows") end
    local vectors, dots, total = indexes(r, contexts), indexes(r, contexts), 0
    for i = 1, contexts do
        if vectors[i] > 1024 or dots[i] > 1024 then fail(107, "a context above its limit") end
        if vectors[i] + dots[i] == 0 then fail(100, "the empty context is number 0") end
        total = total + vectors[i] + dots[i]
    end
    if total > 65536 then fail(107, "contexts of too many entries") end
    local places = indexes(r, total + rewritten, origins)
    local sequences = integers(r, total + rewritten)
    for i = 1, #sequences do
        if negative(sequences[i]) or sequences[i] == U0 then fail(100, "versions are counted from 1") end
        if sequences[i] > LIMIT62 then fail(107, "a sequence above its limit") end
    end
    local at = 1
    for i = 1, contexts do
        local vector = {}
        for j = at, at + vectors[i] - 1 do
            if j > at and places[j] <= places[j - 1] then fail(100, "a vector ascends without repeats") end
            vector[places[j]] = sequences[j]
        end
        at = at + vectors[i]
        for j = at, at + dots[i] - 1 do
            if j > at and (places[j] < places[j - 1]
                or places[j] == places[j - 1] and sequences[j] <= sequences[j - 1]) then
                fail(100, "dots ascend without repeats")
            end
            local upTo = vector[places[j]]
            if upTo and sequences[j] <= upTo then fail(100, "a dot lies in the vector") end
        end
        at = at + dots[i]
    end
    r:note(from, "contexts", contexts .. " of " .. origins .. " origins")
    return contexts
end

-- What a group that says no form is like; of a frame that was looked at before, as it was then.
local function shapeOf(r, number)
    local shapes = r.columns.shapes or {}
    r.columns.shapes = shapes
    if r.seen then
        r.shaped = (r.shaped or 0) + 1
        return shapes[r.shaped]
    end
    local known = r.memory.shapes[number + 1]
    if not known then fail(100, "a shape that is not known") end
    shapes[#shapes + 1] = known
    return known
end

function Rows.group(r, rows, cells, room, tree)
    local from = r.at
    local form = utf8(r:counted(64))
    local known
    if form == "" then
        if not r.columns then fail(100, "an empty text") end
        known = shapeOf(r, r:varint(4294967296))
        form = known.form
    end
    local revision = known and known.revision or r:varint(4294967296)
    local said, recalls = { form = form, revision = revision, keys = {}, fields = {} }, false
    r:note(from, "form", form .. " revision " .. revision .. ", versions " .. #rows)
    if tree and fields.form then tree:add(fields.form, r.tvb(from - 1, r.at - from), form) end
    local all, keys, fields = {}, {}, {}
    for i = 1, #rows do all[i], fields[i] = i, {} end
    local columns = known and #known.keys or r:count(8)
    cells = cells + #rows * columns
    if cells > 1048576 then fail(107, "too many cells") end
    for place = 1, columns do
        from = r.at
        local kind, scale
        if known then kind, scale = known.keys[place][1], known.keys[place][2] else kind, scale = kindOf(r) end
        said.keys[place] = { kind, scale }
        local found, column = values(
            r, kind, all, keys, room, { form = form, number = place - 1, isKey = true })
        keys[place] = column
        recalls = recalls or column and column.recall ~= nil
        r:note(from, "key " .. place .. " (" .. KINDS[kind] .. ")", list(found))
    end
    columns = known and #known.fields or r:count(256)
    cells = cells + #rows * columns
    if cells > 1048576 then fail(107, "too many cells") end
    local before = -1
    for at = 1, columns do
        from = r.at
        local id, kind, scale, class, same
        if known then
            local field = known.fields[at]
            id, kind, scale, class, same = field.id, field.kind, field.scale, field.class, field.same
        else
            id = r:varint(65536)
            kind, scale = kindOf(r)
            class = r:u8()
        end
        local order = ((id * 256 + kind) * 256 + scale) * 256 + class
        if id == 0 or class == 255 or order <= before then
            fail(100, "field columns ascend; there is no field 0 and no class 255")
        end
        before = order
        local presence, present = {}, {}
        if same then for i = 1, #rows do presence[i] = same end else presence = bytesOf(r, #rows) end
        said.fields[at] = { id = id, kind = kind, scale = scale, class = class, same = presence[1] }
        for i = 2, #rows do if presence[i] ~= presence[1] then said.fields[at].same = nil end end
        for i = 1, #rows do
            if presence[i] > 2 then fail(100, "presence is 0 to 2") end
            if presence[i] > 0 then
                if fields[i][id] then fail(100, "a field that is assigned twice") end
                fields[i][id] = true
            end
            if presence[i] == 2 then present[#present + 1] = i end
        end
        local found = values(
            r, kind, present, keys, room, { form = form, number = id, isKey = false })
        r:note(from, "field " .. id .. " (" .. KINDS[kind] .. ", class " .. class .. ")", list(found))
    end
    if recalls and not known and not r.seen then
        local cost = #form + 8 * (1 + #said.keys + #said.fields)
        if #r.memory.shapes < 64 and cost <= r.memory.left then
            r.memory.left = r.memory.left - cost
            r.memory.shapes[#r.memory.shapes + 1] = said
        end
    end
    return cells
end

function Rows.read(r, expected, isFeed)
    local from, count = r.at, r:varint()
    if count > 8192 then fail(107, "too many rows") end
    r:note(from, "rows", tostring(count))
    if count ~= expected then fail(100, "another number of rows than was said") end
    if count == 0 then return end
    local room, times, before = { left = 4194304 }, nil, nil
    for _, name in ipairs({ "authored", "stated", "first created" }) do
        from = r.at
        times = integers(r, count, before)
        for i = 1, count do time(times[i]) end
        before = times
        r:note(from, name, count == 1 and integer(times[1]) or integer(times[1]) .. ", ...")
    end
    from = r.at
    local flags, rewritten = bytesOf(r, count), 0
    for i = 1, count do
        local rest = flags[i]
        if rest >= 128 then
            rest = rest - 128
            if not isFeed then fail(100, "only the feed has versions after a hole") end
        end
        if rest > 7 then fail(100, "an unknown flag") end
        if rest >= 4 then rewritten = rewritten + 1 end
    end
    r:note(from, "flags")
    from = r.at
    local authors = dictionary(r, count, room)
    for i = 1, #authors do
        if #utf8(authors[i]) > 256 then fail(107, "an author's name above its limit") end
    end
    r:note(from, "authors", tostring(#authors))
    from = r.at
    indexes(r, count, #authors)
    r:note(from, "author of each row")
    local contexts = Rows.contexts(r, count, rewritten)
    from = r.at
    indexes(r, count, contexts + 1)
    r:note(from, "context of each row")
    from = r.at
    local groups = r:varint()
    if groups > 64 then fail(107, "too many groups") end
    if groups == 0 then fail(100, "no group") end
    local members, of = indexes(r, count, groups), {}
    for g = 1, groups do of[g] = {} end
    for i = 1, count do table.insert(of[members[i] + 1], i) end
    r:note(from, "group of each row")
    local cells = 0
    for g = 1, groups do
        if #of[g] == 0 then fail(100, "a group without rows") end
        cells = Rows.group(r, of[g], cells, room, r.tree)
    end
end

Rows.indexes, Rows.integers = indexes, integers

return Rows
