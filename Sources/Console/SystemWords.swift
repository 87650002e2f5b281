import Foundation

/// What the operating system answers when it refuses something, in both languages.
public enum SystemWords {
    /// - Parameter number: an `errno`; 0 when it is not known.
    public static func reason(_ number: Int32) -> Words {
        switch number {
        case 0: Words("the system refused it", zh: "系统拒绝了操作")
        case EACCES: Words("you have no rights to it", zh: "没有权限")
        case EPERM:
            Words(
                "it belongs to another user, or is protected against changes",
                zh: "它属于其他用户，或受到写保护")
        case EROFS: Words("it lies on a disk that can only be read", zh: "所在磁盘为只读")
        case EIO: Words("input/output error", zh: "输入输出错误")
        case ENOSPC, EDQUOT: Words("no room is left", zh: "没有剩余空间")
        case ENOENT: Words("there is no such file", zh: "没有此文件")
        case EISDIR: Words("it is a folder", zh: "它是一个目录")
        case ENOTDIR: Words("a part of the name is no folder", zh: "路径中有一部分不是目录")
        case ELOOP: Words("it is a link", zh: "它是一个链接")
        case ENAMETOOLONG: Words("the name is too long", zh: "名称过长")
        case EMFILE, ENFILE: Words("too many files are open", zh: "打开的文件过多")
        case EFBIG: Words("a limit on the size of files forbids it", zh: "超出文件大小限制")
        default:
            Words("the system says \(text(number))", zh: "技术信息：\(text(number))")
        }
    }

    /// What a person does about it.
    static func next(_ number: Int32) -> Words {
        switch number {
        case EROFS:
            Words(
                "A disk that fails often becomes like this: look at it, make it writable again, or name a "
                    + "folder elsewhere with --data",
                zh: "磁盘出现故障时常会变为只读：请检查磁盘并恢复可写，或用 --data 指定其他位置的目录")
        case EMFILE, ENFILE:
            Words("Close other programs and try again", zh: "请关闭其他程序后重试")
        case ENAMETOOLONG, ENOTDIR, ENOENT:
            Words("Check the name", zh: "请检查名称")
        case EPERM:
            Words(
                "Work as the user who owns it, or have the protection taken off (`chattr -i`)",
                zh: "请以其所有者的身份运行，或请管理员解除保护（chattr -i）")
        default:
            Words(
                "Work as the user who owns it, or have its owner change the rights",
                zh: "请以其所有者的身份运行，或请其修改权限")
        }
    }

    private static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}
