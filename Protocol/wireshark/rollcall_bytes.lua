-- Values of SPEC.md, section 1, and the inflating of section 3, for rollcall.lua beside this file.

-- Section 1 -----------------------------------------------------------------------------------------------

local function fail(code, words) error({ code = code, words = words }, 0) end

-- Filled in by rollcall.lua.
local fields = {}

local U0 = UInt64(0)
local LIMIT62, TIME = UInt64(0, 0x40000000), UInt64(0, 0x200000)

local function negative(v) return v:higher() >= 0x80000000 end
local function number(v) return v:higher() * 4294967296 + v:lower() end
-- What a 64-bit word says with its sign, near enough to be shown and compared with small numbers.
local function signed(v)
    if not negative(v) then return number(v) end
    return -number(U0 - v)
end

local Reader = {}
Reader.__index = Reader

local function reader(data, tvb, tree) return setmetatable({ data = data, at = 1, tvb = tvb, tree = tree }, Reader) end

function Reader:left() return #self.data - self.at + 1 end
function Reader:take(count)
    if count > self:left() then fail(100, "bytes are missing") end
    self.at = self.at + count
    return self.data:sub(self.at - count, self.at - 1)
end
function Reader:u8() return self:take(1):byte() end
function Reader:word()
    local a, b, c, d, e, f, g, h = self:take(8):byte(1, 8)
    return UInt64(((e * 256 + f) * 256 + g) * 256 + h, ((a * 256 + b) * 256 + c) * 256 + d)
end
function Reader:wide()
    local low, high, shift = 0, 0, 0
    while true do
        local byte = self:u8()
        local bits = byte % 128
        if shift < 28 then
            low = low + bits * 2 ^ shift
        elseif shift == 28 then
            low = low + (bits % 16) * 2 ^ 28
            high = math.floor(bits / 16)
        else
            if shift == 63 and bits > 1 then fail(100, "a varint above 64 bits") end
            high = high + bits * 2 ^ (shift - 32)
        end
        if byte < 128 then
            if byte == 0 and shift > 0 then fail(100, "a varint that is not minimal") end
            return UInt64(low, high)
        end
        shift = shift + 7
        if shift > 63 then fail(100, "a varint of more than ten bytes") end
    end
end
function Reader:varint(below)
    local value = number(self:wide())
    if below and value >= below then fail(100, "a number above what its field holds") end
    return value
end
function Reader:zigzag()
    local v = self:wide()
    local half = v:rshift(1)
    if v:lower() % 2 == 1 then return U0 - half - UInt64(1) end
    return half
end
function Reader:count(limit)
    local value = self:varint()
    if value > limit then fail(107, "a count above its limit") end
    if value > self:left() then fail(100, "more entries than bytes") end
    return value
end
function Reader:counted(limit) return self:take(self:count(limit)) end

local function utf8(raw)
    local i = 1
    while i <= #raw do
        local a, b, c, d = raw:byte(i, i + 3)
        local function tail(x) return x and x >= 0x80 and x <= 0xbf end
        if a < 0x80 then i = i + 1
        elseif a >= 0xc2 and a <= 0xdf and tail(b) then i = i + 2
        elseif a >= 0xe0 and a <= 0xef and tail(b) and tail(c) and not (a == 0xe0 and b < 0xa0)
            and not (a == 0xed and b > 0x9f) then i = i + 3
        elseif a >= 0xf0 and a <= 0xf4 and tail(b) and tail(c) and tail(d) and not (a == 0xf0 and b < 0x90)
            and not (a == 0xf4 and b > 0x8f) then i = i + 4
        else fail(100, "not UTF-8") end
    end
    return raw
end

local function time(v)
    local size = negative(v) and U0 - v or v
    if size > TIME then fail(107, "a time above its limit") end
    return v
end
local function hex(raw) return (raw:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function word(v) return ("%08x%08x"):format(v:higher(), v:lower()) end
local function integer(v) return negative(v) and "-" .. tostring(U0 - v) or tostring(v) end
local function shown(raw) return (raw:gsub("%c", ".")) end

-- Says of the bytes since `from` what they are.
function Reader:note(from, name, value)
    if not self.tree then return end
    local size = self.at - from
    local text = value and value ~= "" and name .. ": " .. value or name
    if size > 0 then self.tree:add(fields.field, self.tvb(from - 1, size), text)
    else self.tree:add(fields.field, text) end
end

-- Section 3: inflating --------------------------------------------------------------------------------------

local BASE = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258 }
local EXTRA = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 }
local ORDER = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 }

local function code(lengths, count)
    local counts, offsets, symbols = {}, {}, {}
    for i = 0, 15 do counts[i] = 0 end
    for i = 0, count - 1 do counts[lengths[i]] = counts[lengths[i]] + 1 end
    local left = 1
    for i = 1, 15 do
        left = left * 2 - counts[i]
        if left < 0 then fail(103, "corrupt deflate: too many codes of a length") end
    end
    offsets[1] = 0
    for i = 1, 14 do offsets[i + 1] = offsets[i] + counts[i] end
    for i = 0, count - 1 do
        local length = lengths[i]
        if length > 0 then
            symbols[offsets[length]] = i
            offsets[length] = offsets[length] + 1
        end
    end
    return { counts = counts, symbols = symbols, left = left }
end

local fixedLengths, fixedDistances

-- Inflates what a sync flush ended. `window` keeps all bytes that came out so far.
local function inflate(window, data, limit)
    data = data .. "\0\0\255\255"
    local at, hold, held, start = 1, 0, 0, #window
    local function bits(n)
        while held < n do
            local byte = data:byte(at)
            if not byte then fail(103, "corrupt deflate: it ends too early") end
            hold = hold + byte * 2 ^ held
            held, at = held + 8, at + 1
        end
        local value = hold % 2 ^ n
        hold, held = math.floor(hold / 2 ^ n), held - n
        return value
    end
    local function symbol(h)
        local c, first, index = 0, 0, 0
        for length = 1, 15 do
            c = c + bits(1)
            local n = h.counts[length]
            if c - n < first then return h.symbols[index + c - first] end
            index, first, c = index + n, (first + n) * 2, c * 2
        end
        fail(103, "corrupt deflate: no such code")
    end
    local function put(byte)
        if #window - start >= limit then fail(104, "inflates to more than was declared") end
        window[#window + 1] = byte
    end
    local function codes(lengths, distances)
        while true do
            local s = symbol(lengths)
            if s < 256 then put(s)
            elseif s == 256 then return
            else
                s = s - 256
                if s > 29 then fail(103, "corrupt deflate: no such length") end
                local length = BASE[s] + bits(EXTRA[s])
                s = symbol(distances)
                if s > 29 then fail(103, "corrupt deflate: no such distance") end
                local more = s < 4 and 0 or math.floor(s / 2) - 1
                local distance = (s < 4 and s or (2 + s % 2) * 2 ^ more) + 1 + bits(more)
                if distance > #window or distance > 32768 then fail(103, "corrupt deflate: before the beginning") end
                for _ = 1, length do put(window[#window - distance + 1]) end
            end
        end
    end
    while at <= #data do
        if bits(1) == 1 then fail(103, "corrupt deflate: a final block") end
        local kind = bits(2)
        if kind == 0 then
            hold, held = 0, 0
            local a, b, c, d = data:byte(at, at + 3)
            if not d then fail(103, "corrupt deflate: it ends too early") end
            local length = a + b * 256
            if c + d * 256 ~= 65535 - length then fail(103, "corrupt deflate: a stored block's length") end
            at = at + 4
            if at + length - 1 > #data then fail(103, "corrupt deflate: it ends too early") end
            for i = at, at + length - 1 do put(data:byte(i)) end
            at = at + length
        elseif kind == 1 then
            if not fixedLengths then
                local l, d = {}, {}
                for i = 0, 287 do l[i] = i < 144 and 8 or i < 256 and 9 or i < 280 and 7 or 8 end
                for i = 0, 29 do d[i] = 5 end
                fixedLengths, fixedDistances = code(l, 288), code(d, 30)
            end
            codes(fixedLengths, fixedDistances)
        elseif kind == 2 then
            local nlen, ndist, ncode = bits(5) + 257, bits(5) + 1, bits(4) + 4
            if nlen > 286 or ndist > 30 then fail(103, "corrupt deflate: too many codes") end
            local l = {}
            for i = 0, 18 do l[i] = 0 end
            for i = 1, ncode do l[ORDER[i]] = bits(3) end
            local h = code(l, 19)
            if h.left ~= 0 then fail(103, "corrupt deflate: codes that are not complete") end
            l = {}
            local i = 0
            while i < nlen + ndist do
                local s, value, times = symbol(h), 0, 1
                if s < 16 then value = s
                elseif s == 16 then
                    if i == 0 then fail(103, "corrupt deflate: nothing to repeat") end
                    value, times = l[i - 1], 3 + bits(2)
                elseif s == 17 then times = 3 + bits(3)
                else times = 11 + bits(7) end
                if i + times > nlen + ndist then fail(103, "corrupt deflate: too many lengths") end
                for _ = 1, times do l[i], i = value, i + 1 end
            end
            local d = {}
            for j = 0, ndist - 1 do d[j] = l[nlen + j] end
            local lengths, distances = code(l, nlen), code(d, ndist)
            if l[256] == 0 or lengths.left > 0 and nlen ~= lengths.counts[0] + lengths.counts[1]
                or distances.left > 0 and ndist ~= distances.counts[0] + distances.counts[1] then
                fail(103, "corrupt deflate: codes that are not complete")
            end
            codes(lengths, distances)
        else fail(103, "corrupt deflate: no such block") end
    end
    if held > 0 then fail(103, "corrupt deflate: bits are left over") end
    local out = {}
    for i = start + 1, #window, 4096 do
        out[#out + 1] = string.char((table.unpack or unpack)(window, i, math.min(i + 4095, #window)))
    end
    if #window > 65536 then
        local kept = {}
        for i = #window - 32767, #window do kept[#kept + 1] = window[i] end
        for i = #window, 1, -1 do window[i] = nil end
        for i = 1, #kept do window[i] = kept[i] end
    end
    out = table.concat(out)
    if #out < limit then fail(103, "inflates to less than was declared") end
    return out
end

local xor = (bit32 or bit or {}).bxor or load("return function(a, b) return a ~ b end")()
local crcTable = {}
for i = 0, 255 do
    local c = i
    for _ = 1, 8 do
        c = c % 2 == 1 and xor(math.floor(c / 2), 0xedb88320) % 4294967296 or math.floor(c / 2)
    end
    crcTable[i] = c
end
local function crc32(data)
    local c = 4294967295
    for i = 1, #data do
        c = xor(crcTable[xor(c % 256, data:byte(i)) % 256], math.floor(c / 256)) % 4294967296
    end
    return 4294967295 - c
end

return {
    fail = fail,
    U0 = U0,
    LIMIT62 = LIMIT62,
    negative = negative,
    number = number,
    signed = signed,
    reader = reader,
    utf8 = utf8,
    time = time,
    hex = hex,
    word = word,
    integer = integer,
    shown = shown,
    inflate = inflate,
    crc32 = crc32,
    fields = fields,
}
