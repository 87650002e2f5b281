import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Crypto
import X509
import Logging
