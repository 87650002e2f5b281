/// Every bound of the protocol, checked before work. `Protocol/limits.json` holds the same numbers; a test
/// compares.
public enum Limits {
    /// Bytes of a frame's payload as it travels.
    public static let framePayload = 1 << 20
    /// Bytes of a frame's payload once inflated.
    public static let frameInflated = 4 << 20
    /// Bytes of any frame before both sides are authenticated and greeted.
    public static let frameBeforeWelcome = 32_767
    /// A frame gets on where so many more bytes of it have come.
    public static let frameStep = 4_096
    /// Bytes of urgent batches that may follow `Hello` before `Welcome`.
    public static let urgentBeforeWelcome = 16_384
    public static let batchVersions = 8_192
    public static let batchGroups = 64
    public static let groupKeys = 8
    public static let groupFields = 256
    public static let batchSalts = 256
    public static let batchSeals = 256
    public static let batchContexts = 8_192
    /// Vector entries and dots of all contexts of a batch together.
    public static let batchContextEntries = 65_536
    /// Rows times columns of a batch, over all its groups.
    public static let batchCells = 1 << 20
    /// Bytes of all dictionary entries of a batch that are written as numbers or copied from keys: the others
    /// travel as they are.
    public static let batchTextBytes = 4 << 20
    public static let authorBytes = 256
    /// Columns that a stream remembers.
    public static let memoryColumns = 64
    /// Entries of one column that a stream remembers.
    public static let memoryEntries = 2_048
    /// What groups say of their columns, that a stream remembers.
    public static let memoryShapes = 64
    /// Bytes of all entries that a stream remembers, and ``memoryEntryOverhead`` for each.
    public static let memoryBytes = 131_072
    package static let memoryEntryOverhead = 8
    /// Times lie between minus and plus this many milliseconds (285,000 years).
    public static let time: Int64 = 1 << 53
    public static let contextEntries = 1_024
    public static let contextDots = 1_024
    /// Bytes of one text or list value.
    public static let valueBytes = 65_535
    /// Bytes of the canonical values that one version assigns, and ``Canonical/fieldOverhead`` for each.
    public static let recordBytes = 131_072
    /// Bytes of the canonical values of one key.
    public static let keyBytes = 512
    public static let formNameBytes = 64
    /// So many fit into a Hello at their longest, beside a moderate list of capabilities.
    public static let helloOrigins = 448
    /// Those of them that are closed.
    public static let closedOrigins = 64
    public static let capabilities = 64
    public static let capabilityBytes = 64
    public static let dictionaries = 16
    public static let words = 1_024
    /// Bytes of a device's label and of a program's name.
    public static let labelBytes = 64
    public static let reasonBytes = 64
    public static let signatureBytes = 64
    public static let settingsBytes = 65_536
    /// Changes of hours that are kept, each from a day on.
    public static let datedHours = 256
    public static let formDefinitionBytes = 262_144
    /// Rules across records and on time in one form.
    public static let formWatches = 64
    public static let feedItems = 8_192
    /// Pages of the feed that wait for their confirmation.
    public static let feedUnconfirmed = 4
    /// Origins that a hub binds to one device in all, closed ones too.
    public static let deviceOrigins = 8_192
    public static let headsEntries = 64
    /// Questions for heads that a hub answers in one session.
    public static let headsQuestions = 64
    /// Stretches of days that one scope change lets stay.
    public static let keptRanges = 256
    /// Parts that one question may be about.
    public static let tallyPaths = 32
    /// Groups and records in one answer.
    public static let tallyEntries = 4_096
    /// Up to so many records of a unit or bucket are named one by one.
    public static let tallyRecords = 64
    /// Questions of one connection.
    public static let tallyQuestions = 1_024
    /// Questions of one connection that may wait for their answer.
    public static let tallyWaiting = 4
    /// Versions of one record that hold a field and had not been shown each other; one more is quarantined.
    public static let siblings = 256
    /// Names of versions of one record that were written again; one more is quarantined.
    public static let recordAliases = 1_024
    /// Keys and recovery keys that a hub has had after its first.
    public static let hubKeys = 16
    /// Bytes of one version that is read out, all in all.
    public static let spokenBytes = 140
    /// Bytes of rows that a hub takes of one device in a UTC day, unless its operator says otherwise.
    public static let deviceDayBytes = 256 << 20
    /// A seal at the latest after so many canonical bytes.
    public static let sealInterval = 65_536
    /// A batch may not claim a sequence above this: sequences never wrap.
    public static let sequence: UInt64 = 1 << 62
}
