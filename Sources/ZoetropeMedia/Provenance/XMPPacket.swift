import ZoetropeCore

/// Our mark of provenance: the XMP packet that is written into every published file.
///
/// Source: Adobe's XMP specification, part 1, clause 7.3, and part 3, clause 1.2.7.2 (the box of MPEG-4); IPTC Photo
/// Metadata Standard 2025.1. The prompt is personal and is not among it.
struct XMPPacket: Equatable {
    /// The name of the `uuid` box that holds XMP: BE7ACFCB-97A9-42E8-9C71-999491E3AFAC.
    static let boxID: [UInt8] = [
        0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC,
    ]

    enum Namespace {
        static let rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        static let xmp = "http://ns.adobe.com/xap/1.0/"
        static let iptcExtension = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    }

    /// The same for the same provenance.
    let bytes: [UInt8]

    init(_ provenance: Provenance) {
        let system = provenance.system.map {
            "\n   <Iptc4xmpExt:AISystemUsed>\(Self.escaped($0))</Iptc4xmpExt:AISystemUsed>"
        }
        bytes = Array(
            """
            <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?>
            <x:xmpmeta xmlns:x="adobe:ns:meta/">
             <rdf:RDF xmlns:rdf="\(Namespace.rdf)">
              <rdf:Description rdf:about="" xmlns:xmp="\(Namespace.xmp)" xmlns:Iptc4xmpExt="\(Namespace.iptcExtension)">
               <xmp:CreatorTool>\(MP4Target.title)</xmp:CreatorTool>
               <Iptc4xmpExt:DigitalSourceType>\(provenance.source.uri)</Iptc4xmpExt:DigitalSourceType>\(system ?? "")
              </rdf:Description>
             </rdf:RDF>
            </x:xmpmeta>
            <?xpacket end="r"?>
            """
            .utf8
        )
    }

    /// The name of a system as it stands in an element: bounded, and without what XML cannot hold.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars.prefix(255) {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE:
                escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
