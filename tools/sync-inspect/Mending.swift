import Console

/// Who can mend what the centre holds back, and how.
enum Mender: String, Encodable {
    case branch, centre, helper

    var words: Words {
        switch self {
        case .branch: Words("the branch", zh: "支部")
        case .centre: Words("the centre", zh: "中心")
        case .helper: Words("whoever looks after the programs", zh: "程序维护人员")
        }
    }

    /// Of a reason in a verdict.
    init(of reason: String) {
        switch reason {
        case "unknown_person", "not_on_register", "unknown_unit", "revoked_device", "form_not_writable",
            "too_many_siblings", "too_many_names", "outside_unit", "held_already", "retention_over",
            "date_out_of_period":
            self = .centre
        case "trap", "unknown_form", "unknown_field", "wrong_kind", "wrong_retention_class":
            self = .helper
        default: self = .branch
        }
    }

    /// What is to be done about a version that is held back for this reason.
    static func step(for reason: String) -> Words {
        switch Mender(of: reason) {
        case .branch:
            Words(
                "the branch enters it again, corrected: `branch-agent edit FORM KEY FIELD=VALUE`",
                zh: "由支部更正后重新填写：branch-agent edit 表单 键 字段=值")
        case .centre where reason == "revoked_device":
            Words(
                "the centre looks at it and, when it should count: `aggregator release`",
                zh: "由中心核对；应当计入时用 aggregator release 解除隔离")
        case .centre:
            Words(
                "the centre mends the register or the form; it is looked at again by itself then",
                zh: "由中心修正登记册或表单；之后会自动重新判定")
        case .helper:
            Words(
                "update the older of the two programs; it is looked at again by itself then",
                zh: "升级两端中较旧的程序；之后会自动重新判定")
        }
    }
}
