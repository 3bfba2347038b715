import Foundation
import Testing
import ZoetropeCore
package import ZoetropeWorkflow

/// A rule that every object store keeps, whatever lies beneath it.
///
/// Rules take a store that is empty at first, and share nothing.
package enum ObjectStoreRule: CaseIterable, Sendable {
    case `what was stored is found and comes back`
    case `objects without bytes and large ones are kept`
    case `a key is given once`
    case `of many puts at once one is stored`
    case `what is not there is missing`
    case `a delete may be repeated`
    case `many are deleted with one call`
    case `puts and deletes at once do not disturb each other`
    case `keys come in the order of their bytes`
    case `a list comes in pages`
    case `nothing that is stored is unfinished`
    case `odd keys are kept apart`
    case `a get makes a whole file or none`
    case `a put without a file leaves nothing`
    case `any part of an object can be read`
    case `what is not there cannot be opened`
    case `a reader never gets another object's bytes`
    case `an entity tag stays with the bytes and changes with them`

    package func check(_ store: some ObjectStore) async throws {
        let bench = try ObjectStoreBench(store)
        switch self {
        case .`what was stored is found and comes back`: try await bench.storedComesBack()
        case .`objects without bytes and large ones are kept`: try await bench.sizes()
        case .`a key is given once`: try await bench.givenOnce()
        case .`of many puts at once one is stored`: try await bench.manyPuts()
        case .`what is not there is missing`: try await bench.missing()
        case .`a delete may be repeated`: try await bench.deletes()
        case .`many are deleted with one call`: try await bench.deletesMany()
        case .`puts and deletes at once do not disturb each other`: try await bench.putsAndDeletes()
        case .`keys come in the order of their bytes`: try await bench.order()
        case .`a list comes in pages`: try await bench.pages()
        case .`nothing that is stored is unfinished`: try await bench.nothingUnfinished()
        case .`odd keys are kept apart`: try await bench.oddKeys()
        case .`a get makes a whole file or none`: try await bench.wholeOrNone()
        case .`a put without a file leaves nothing`: try await bench.putWithoutFile()
        case .`any part of an object can be read`: try await bench.parts()
        case .`what is not there cannot be opened`: try await bench.nothingToOpen()
        case .`a reader never gets another object's bytes`: try await bench.readWhileReplaced()
        case .`an entity tag stays with the bytes and changes with them`: try await bench.entityTags()
        }
    }
}
