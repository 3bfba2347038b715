import Testing
import ZoetropeTokens
