public import GRDB
package let sqlitePlaceholder = Database.self
