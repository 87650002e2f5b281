/// The preset dictionaries of deflate streams, by id; `Protocol/dictionary` holds their bytes.
public enum PresetDictionary {
    /// - Returns: nothing for 0 and for ids that nobody knows.
    public static func bytes(_ id: UInt32) -> [UInt8] { id == 1 ? first : [] }

    private static let first = PackageResources.dictionary_1_bin
}
