/// Tokens that another implementation made, and the public halves of its keys.
///
/// Made once with PyJWT 2.15.1 and cryptography (`pip install PyJWT==2.15.1 cryptography`), each by
///
///     claims = {"sub": "ada", "sid": "s-1", "tier": "paid", "aud": ["other", "zoetrope"],
///               "iat": 1767225600, "exp": 4102444800}
///     jwt.encode(claims, key, alg, headers={"kid": kid})    # HS256: without headers
///
/// with keys of `rsa.generate_private_key(65537, 2048)`, `ec.generate_private_key(ec.SECP256R1())` and
/// `ed25519.Ed25519PrivateKey.generate()`, written by `RSAAlgorithm.to_jwk(key.public_key())` and its likes. The private halves are gone.
enum PyJWTSamples {
    static let hs256 =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJzaWQiOiJzLTEiLCJ0aWVyIjoicGFpZCI"
        + "sImF1ZCI6WyJvdGhlciIsInpvZXRyb3BlIl0sImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.tJ7S"
        + "ksAZa4YLr8P-3Ce-pzxBTohePeiM5GNsoUP3shc"

    /// A key set of three keys and the tokens that they signed.
    static let keySet = """
        {"keys":[
        {"kty": "RSA", "e": "AQAB", "kid": "rsa", "use": "sig", "n": "\(modulus)"},
        {"kty": "EC", "crv": "P-256", "x": "7V8s0nls5oDGXy03Kv6Iq71LMk_rH-bqamtbfKI9JDc", "y": "3FxiaJooF-uhXREyVhq0Y4cdeCF8zK7360_sIWszAJ4", "kid": "ec", "use": "sig"},
        {"x": "tEzW3VSuqRURVfPbXvUK55nlS1IlSQQpDSY3peS_rUE", "kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig"}
        ]}
        """
    static let signed = [
        "RS256":
            "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJzaWQiOiJzLTEiLCJ"
            + "0aWVyIjoicGFpZCIsImF1ZCI6WyJvdGhlciIsInpvZXRyb3BlIl0sImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTA"
            + "yNDQ0ODAwfQ.HZS7WAGN9yV1d-9f9YCIifgGTjqBFR_tz3hO0K4Ki6TW3iWJL04P9xZRwsQ75_PuXrM4VYiTq2aq"
            + "b-1Gbn9OGsiM9XdPZOm-wtLl8g0gdLN_jhhIZfVa1BWcM9Crvw9psfCuXfJDGnd6VhCqzUFWvF3bj4iDBzCpgpl7"
            + "EBnxwNnQBW0XZTQe56zCnYu8iULVcwvb9cz_n8vn6b_9yDnAdKLLupDA8PDDsTdlLno6gpAj2e0emv2reQ8IKMA6"
            + "-k2Pp4HV1zaVg5C7t6d8-hzXpuRtvEqxhvvzZTuY1yAOfH3NJiKK6eQ8BGtY4j4JHGtTckr7upS8dQIi9Nr76qud"
            + "GQ",
        "ES256":
            "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZGEiLCJzaWQiOiJzLTEiLCJ0"
            + "aWVyIjoicGFpZCIsImF1ZCI6WyJvdGhlciIsInpvZXRyb3BlIl0sImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTAy"
            + "NDQ0ODAwfQ.0-vZfdin_DMY8ghGSDM-T2pBnF0sVB04cxfTYygg7CK5YwFpdD1uwr8p8_4GohB3peT_LQ5uiSd4_"
            + "u_BY95w2g",
        "EdDSA":
            "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhZGEiLCJzaWQiOiJzLTEiLCJ0"
            + "aWVyIjoicGFpZCIsImF1ZCI6WyJvdGhlciIsInpvZXRyb3BlIl0sImlhdCI6MTc2NzIyNTYwMCwiZXhwIjo0MTAy"
            + "NDQ0ODAwfQ.VN4thqzEeU9BVJb1YAqdlLpTsKPyjcBJliOD5xaeRx0fGHVqb7srPQjJ9mrFZ5ed8u2RWhXfU4rIT"
            + "yJqBPxBDA",
    ]

    /// The modulus of the RSA key.
    static let modulus =
        "0UlnZJ9PtO1YrMkZIX7ZaBMrs_brb8RQ-QYu714fCll3Dp4ndza01OPmDs4ser5gI9-bFDsSRZBqtsi1-lGknbeG"
        + "A_ki45ByipfmCJUY0vD3haowC_zuofVf8JxI-rxfuIkiD4EzJCxlXAwdUIhgBPTGFhNmRwwpw9ITcwb6CoNnch-s"
        + "PH0QL3JqzJLE6GN3JjkXLNE-kbnprvTlfbr3uzIh27PclvYHxz-EiyLmsUEU_qkNFGrjwqO_lPXizFFpVZtKt6Vo"
        + "ta3N8gsH8wBffwt_vMtM0FE0P9wzfG-pdWJGQ1HzgTuoatFQiDqlS0SHALA8JAowwYWGoSM584VUoQ"
    /// The modulus of an RSA key of 1024 bits.
    static let shortModulus =
        "tHm9YPbSZHU4-p-MMzWt0nvujoCZ9y39Id3gVLzhF4Ei9l1wvDp6SjsnERnieKOIHBYoKBXpzXJMlhi__xd6GkYX"
        + "z0yy_j8BUwO75NGbnzGsc1uqS1Ov8cGpjyjg1gLmn0xU0KeUIMzGxnpIEs5IBiSGKQ7CqFyBTOmCluLqtuM"
}
