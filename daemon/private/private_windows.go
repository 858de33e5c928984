package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Security descriptors. Source: Microsoft, "Security Descriptor String Format" and
// "ACE Strings": P inherits nothing from above, OI and CI go to files and folders
// below, NP not further, FA is full control, FRFX reading, SY the system, BA
// administrators, OW whoever owns the file, BU everybody with an account here.
const (
	ownerOnly = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"
	// The account of the service comes where %s is.
	accountOnly = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;%s)"
	// What lies in the folder itself may be read, so that `intray service status`
	// finds the configuration; what lies deeper may not.
	administered = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OINP;FRFX;;;BU)"
)

// Folder makes a folder, and those above it, for the account that runs this, the
// system and administrators. One that is there gets these rights, too, and what
// is in it with it, unless somebody trustworthy gave it rights of its own: an
// administrator may have let another account in. A file system without rights
// gives an error; the folder is there all the same.
func Folder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	own, err := hasOwnRights(path)
	if err != nil || own {
		return err
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("ask whose process this is: %w", err)
	}
	rights := fmt.Sprintf(accountOnly, me.User.Sid)
	// An owner may always change the rights: one who is not trustworthy shall not
	// stay it. Not every account may take a folder over; the rights are set anyway.
	if foreign, err := Planted(path); err == nil && foreign && set(path, "O:"+me.User.Sid.String()+rights) == nil {
		return nil
	}
	return set(path, rights)
}

// File keeps a file to its owner, the system and administrators, whatever its
// folder says.
func File(path string) error { return set(path, ownerOnly) }

// Administered makes a folder of the machine: only administrators and the system
// change what is in it, everybody may read the files directly in it. It needs an
// administrator. A folder with rights of its own was such a folder before and is
// left as it is; a link that nobody trustworthy made leads to where its maker can
// exchange everything, and is refused.
func Administered(path string) (before bool, err error) {
	if err := refuseLink(path); err != nil {
		return false, err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return false, err
	}
	if before, err = hasOwnRights(path); err != nil || before {
		return before, err
	}
	return false, set(path, administered)
}

// refuseLink is an error for a link, of any kind, that is planted.
func refuseLink(path string) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	attributes, err := windows.GetFileAttributes(name)
	if err != nil || attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT == 0 {
		return nil // what cannot be looked at cannot be made either, which is said better there
	}
	if planted, err := Planted(path); err != nil || planted {
		return errors.Join(fmt.Errorf("%s is a link that no administrator made; remove it and try again", path), err)
	}
	return nil
}

// Planted is true for a file, a folder or a link, not what it leads to, that is there
// and belongs to neither administrators nor the system nor this account: anybody may
// have put it into ProgramData before Intray was installed, for the system to obey.
func Planted(path string) (bool, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false, fmt.Errorf("ask whose %s is: %w", path, err)
	}
	file, err := windows.CreateFile(name, windows.READ_CONTROL, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whose %s is: %w", path, err)
	}
	defer func() { _ = windows.CloseHandle(file) }() // nothing was written
	descriptor, err := windows.GetSecurityInfo(file, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return false, fmt.Errorf("ask whose %s is: %w", path, err)
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return false, fmt.Errorf("ask whose %s is: %w", path, err)
	}
	return !trusted(owner) && !isMe(owner), nil
}

// Foreign is true for a planted file in a folder that nobody trustworthy keeps: where
// somebody does, others were let in on purpose.
func Foreign(path string) (bool, error) {
	planted, err := Planted(path)
	if err != nil || !planted {
		return false, err
	}
	kept, err := hasOwnRights(filepath.Dir(path))
	return !kept, err
}

// hasOwnRights is true for what inherits no rights and belongs to somebody who
// may say so.
func hasOwnRights(path string) (bool, error) {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return false, fmt.Errorf("read the rights on %s: %w", path, err)
	}
	control, _, err := descriptor.Control()
	if err != nil {
		return false, fmt.Errorf("read the rights on %s: %w", path, err)
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return false, fmt.Errorf("read the rights on %s: %w", path, err)
	}
	return control&windows.SE_DACL_PROTECTED != 0 && (trusted(owner) || isMe(owner)), nil
}

// trusted are the system, administrators and Windows' own installer.
func trusted(owner *windows.SID) bool {
	if owner == nil {
		return false
	}
	return owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		owner.String() == "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
}

func isMe(owner *windows.SID) bool {
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && owner != nil && owner.Equals(me.User.Sid)
}

// set gives a file or folder the owner, if one is named, and the list of rights
// of a security descriptor.
func set(path, text string) error {
	wanted, err := windows.SecurityDescriptorFromString(text)
	if err != nil {
		return fmt.Errorf("make a list of rights: %w", err)
	}
	list, _, err := wanted.DACL()
	if err != nil {
		return fmt.Errorf("make a list of rights: %w", err)
	}
	var what windows.SECURITY_INFORMATION = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	owner, _, err := wanted.Owner()
	if err == nil && owner != nil {
		what |= windows.OWNER_SECURITY_INFORMATION
	} else {
		owner = nil
	}
	if err := windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, what, owner, nil, list, nil); err != nil {
		return fmt.Errorf("set the rights on %s: %w", path, err)
	}
	return nil
}

// Owner is "": rights here are inherited from the folder, whoever makes a file.
func Owner(string) string { return "" }

// Me is "", as Owner.
func Me() string { return "" }

// Stranger finds none, as Owner.
func Stranger(string) (path, owner string) { return "", "" }
