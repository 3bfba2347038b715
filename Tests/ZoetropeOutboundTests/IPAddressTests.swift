import Testing
import ZoetropeOutbound

/// A public address of this machine, in these tests.
private let own: Set<IPAddress> = Set(["93.184.215.14", "2606:2800:21f:cb07::1"].compactMap(IPAddress.init))

struct IPAddressTests {
    @Test(arguments: [
        // First and last of each range.
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255",
        "127.0.0.0", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.169.254",
        "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.192", "192.0.0.255", "192.0.2.0",
        "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0", "224.0.0.251",
        "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255", "93.184.215.14",
    ])
    func `no IPv4 address of a reserved range is public`(text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic(own: own) == false)
    }

    @Test(arguments: [
        // The neighbours of the ranges.
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
        "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
        "223.255.255.255", "8.8.8.8", "93.184.215.15",
    ])
    func `the IPv4 addresses beside the ranges are public`(text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic(own: own))
    }

    @Test(arguments: [
        "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1",
        "64:ff9b::169.254.169.254", "64:ff9b::0.0.0.0", "64:ff9b::93.184.215.14", "64:ff9b:1::1", "64:ff9b:1::8.8.8.8",
        "64:ff9b:0:1::8.8.8.8", "100::", "100::ffff:ffff:ffff:ffff", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1", "2001:db8:ffff::1",
        "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "3fff:fff:ffff::1", "4000::1", "5f00::1",
        "fc00::1", "fd00::2", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::fc:ff:fe00:1", "febf::1", "fec0::1",
        "feff::1", "ff02::1", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1fff::1",
        "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:127.0.0.1", "2606:4700::5efe:8.8.8.8",
        "2606:2800:21f:cb07::1",
    ])
    func `no IPv6 address of a reserved range or around a reserved IPv4 address is public`(text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic(own: own) == false)
    }

    @Test(arguments: [
        "2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1", "2003::1",
        "2606:4700::1111",
        "2a00:1450:4001:813::200e", "3ffe:ffff::1", "3fff:1000::1", "64:ff9b::8.8.8.8", "2606:2800:21f:cb07::2",
    ])
    func `the IPv6 addresses of public services are public`(text: String) throws {
        #expect(try #require(IPAddress(text)).isPublic(own: own))
    }

    @Test(arguments: [
        "", "1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01",
        "127.0.0.256",
        "127.0.0.1.", " 127.0.0.1", "127.0.0.1 ", "127.0.0.1/8", "1.2.3.4.5", "fe80::1%eth0", "fe80::1%25eth0",
        "[::1]", ":::1", "1::2::3", "12345::1", "::127.0.0.256", "localhost", "１２７.0.0.1", "::g",
    ])
    func `there is one spelling of an IPv4 address and none with zones or brackets`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `the machine knows its own addresses`() throws {
        let addresses = try IPAddress.ofThisMachine()
        #expect(addresses.contains(try #require(IPAddress("127.0.0.1"))))
    }
}
