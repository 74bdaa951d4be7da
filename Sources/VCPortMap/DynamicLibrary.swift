internal import Glibc

/// A shared library that is loaded when it is needed, and stays.
@safe struct DynamicLibrary {
    private let name: String
    private let handle: UnsafeMutableRawPointer

    init(_ name: String) throws(PortMapError) {
        guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            throw .noLibrary(name)
        }
        self.name = name
        unsafe self.handle = handle
    }

    /// The function called `symbol`, which has to be of the type that is asked for.
    @unsafe func function<Function>(
        _ symbol: String, as type: Function.Type = Function.self
    ) throws(PortMapError) -> Function {
        guard let address = unsafe dlsym(handle, symbol) else { throw .noLibrary(name) }
        return unsafe unsafeBitCast(address, to: type)
    }
}
